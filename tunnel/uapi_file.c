#include "tunnel/uapi_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOCK_TRIES = 100,
	LOCK_PAUSE_NS = 10000000,
};

static int make_directory(void)
{
	static const char *const parents[] = {"/var", "/var/run"};
	mode_t mask = umask(022);
	int ret = 0;

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		mkdir(parents[i], 0755);
	if (mkdir(UAPI_FILE_DIRECTORY, 0700) && errno != EEXIST)
		ret = -errno;
	umask(mask);
	return ret;
}

// The lock orders the programs that probe, remove and bind in the directory. Anybody who may read
// the directory can hold it, so after a second it goes without. The descriptor or -errno.
static int lock_directory(void)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	int fd = open(UAPI_FILE_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK; i++)
		nanosleep(&pause, NULL);
	return fd;
}

// 0 when nobody answers at the socket file and it's gone now.
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat info;
	int fd, ret = 0;

	if (lstat(address->sun_path, &info))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(info.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		ret = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		ret = -errno;
	close(fd);
	if (!ret && unlink(address->sun_path))
		ret = -errno;
	return ret;
}

static int bind_and_listen(struct uapi_file *f, int fd)
{
	struct stat info;
	mode_t mask = umask(077);
	int ret = 0;

	if (bind(fd, (struct sockaddr *)&f->address, sizeof(f->address)))
		ret = -errno;
	umask(mask);
	if (ret)
		return ret;
	if (listen(fd, SOMAXCONN) || lstat(f->address.sun_path, &info)) {
		ret = -errno;
		unlink(f->address.sun_path);
		return ret;
	}
	f->dev = info.st_dev;
	f->ino = info.st_ino;
	return 0;
}

static int listen_in_directory(struct uapi_file *f)
{
	int fd, ret = remove_stale(&f->address);

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = bind_and_listen(f, fd);
	if (ret)
		close(fd);
	return ret ? ret : fd;
}

int uapi_file_listen(struct uapi_file *f, const char *name)
{
	int directory, ret = make_directory();

	f->address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), UAPI_FILE_DIRECTORY "/%s.sock",
	         name);
	if (ret)
		return ret;
	directory = lock_directory();
	if (directory < 0)
		return directory;
	ret = listen_in_directory(f);
	close(directory);
	return ret;
}

bool uapi_file_is_ours(const struct uapi_file *f)
{
	struct stat now;

	return !lstat(f->address.sun_path, &now) && now.st_dev == f->dev && now.st_ino == f->ino;
}

void uapi_file_remove(const struct uapi_file *f)
{
	int directory = lock_directory();

	if (uapi_file_is_ours(f))
		unlink(f->address.sun_path);
	if (directory >= 0)
		close(directory);
}

const char *uapi_file_remedy(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return ": another program serves this name; end it or choose another name";
	case EEXIST:
		return ": there is something that isn't a socket; remove it";
	case EACCES:
	case EPERM:
		return geteuid() ? ": it needs root"
		                 : ": root must own " UAPI_FILE_DIRECTORY
		                   " and be allowed to write there";
	case ENOENT:
	case ELOOP:
		return ": a symbolic link on the way leads nowhere; mend or remove it";
	case ENOTDIR:
		return ": something on the way isn't a directory; remove it";
	case EROFS:
		return ": mount a file system there that can be written to, such as a tmpfs";
	case ENOSPC:
	case EDQUOT:
		return ": make room there";
	case EMFILE:
		return ": raise the limit of open files (ulimit -n)";
	default:
		return "";
	}
}
