#include "harness/record/store.h"

#include "base/file.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/compressed.h"
#include "harness/record/trial_line.h"
#include "harness/record/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIALS_BYTES_MAX = 1 << 30 };

static const char plain[] = "trials.jsonl", packed[] = "trials.jsonl.gz";

static int complain(const struct store *st, int ret, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int complain(const struct store *st, int ret, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	quote_printf(stderr, "wgbench: %s%s\n", st->dir, text);
	free(text);
	return ret;
}

// ---- run.json

static void take_tunnel(struct store_tunnel *t, const json_t *row)
{
	strcpy(t->spec, json_string_value(json_object_get(row, "spec")));
	strcpy(t->revision, json_string_value(json_object_get(row, "revision")));
	strcpy(t->sha256, json_string_value(json_object_get(row, "binary_sha256")));
	strcpy(t->version, json_string_value(json_object_get(row, "version")));
}

// Takes over what the reader needs of st->run.
static int read_run(struct store *st)
{
	const json_t *schema = json_object_get(st->run, "schema"), *row;
	json_int_t version = json_integer_value(schema);
	char fault[512];
	size_t i;

	if (!json_is_integer(schema))
		return complain(st, -EINVAL, "/run.json: no 'schema': not a run of wgbench");
	if (version != STORE_SCHEMA)
		return complain(st, -EINVAL,
		                "/run.json: schema %lld, but this wgbench reads %d: use %s one",
		                (long long)version, STORE_SCHEMA,
		                version > STORE_SCHEMA ? "a newer" : "an older");
	if (fields_check(st->run, store_run_rows, fault, sizeof(fault)))
		return complain(st, -EINVAL, "/run.json: %s", fault);
	strcpy(st->id, json_string_value(json_object_get(st->run, "id")));
	st->trials_per_block = json_integer_value(json_object_get(st->run, "trials_per_block"));
	json_array_foreach(json_object_get(st->run, "tunnels"), i, row)
	    take_tunnel(&st->tunnel[st->tunnels++], row);
	return 0;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		n -= done;
	}
	return 0;
}

int store_write_run(const struct store *st)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/run.json", st->dir);
	return output_json(path, st->run, JSON_INDENT(2));
}

static int init(struct store *st, const char *dir)
{
	memset(st, 0, sizeof(*st));
	st->trials_fd = -1;
	if (strlen(dir) < sizeof(st->dir)) {
		strcpy(st->dir, dir);
		return 0;
	}
	return complain(st, -ENAMETOOLONG, "the name of the run folder is too long");
}

static bool has_file(const struct store *st, const char *name)
{
	char *path = path_join(st->dir, name);
	bool there = path_exists(path);

	free(path);
	return there;
}

// The trials' file comes into being first, exclusively: so two runs never share a folder, and a
// run.json is never without it.
int store_create(struct store *st, const char *dir, json_t *run)
{
	char path[PATH_MAX + 16];
	int ret = init(st, dir);

	if (ret)
		return ret;
	st->run = json_incref(run);
	ret = read_run(st);
	if (ret)
		goto err_run;
	ret = path_make_folders(dir);
	if (ret) {
		complain(st, ret, ": cannot be made: %s", strerror(-ret));
		goto err_run;
	}
	if (has_file(st, packed)) {
		ret = complain(st, -EEXIST, "/%s: holds a run already: choose another folder",
		               packed);
		goto err_run;
	}
	st->trials_name = plain;
	snprintf(path, sizeof(path), "%s/trials.jsonl", dir);
	st->trials_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (st->trials_fd < 0) {
		ret = -errno;
		complain(st, ret, "/trials.jsonl: %s",
		         ret == -EEXIST ? "holds a run already: choose another folder, or --resume"
		                        : strerror(-ret));
		goto err_run;
	}
	if (flock(st->trials_fd, LOCK_EX | LOCK_NB))
		ret = -errno;
	if (!ret)
		ret = store_write_run(st);
	if (!ret)
		return 0;
	unlink(path);
err_run:
	store_close(st);
	return ret;
}

// ---- trials.jsonl: reading

// Which of the two the folder has; one that is packed isn't written to.
static int find_trials(struct store *st, bool append)
{
	bool has_packed = has_file(st, packed);

	st->trials_name = plain;
	if (!has_packed)
		return 0;
	if (has_file(st, plain))
		return complain(st, -EINVAL, ": holds both %s and %s: remove one", plain, packed);
	if (append)
		return complain(st, -EINVAL, "/%s: unpack it to go on with this run: gunzip",
		                packed);
	st->trials_name = packed;
	return 0;
}

static int open_trials(struct store *st, bool append)
{
	struct stat info;
	char *path;
	int fd, ret = find_trials(st, append);

	if (ret)
		return ret;
	path = path_join(st->dir, st->trials_name);
	// A FIFO would keep open() waiting.
	fd = open(path, (append ? O_RDWR | O_APPEND : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	ret = -errno;
	free(path);
	if (fd < 0)
		return complain(st, ret, "/%s: %s", st->trials_name, strerror(-ret));
	if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size > TRIALS_BYTES_MAX) {
		close(fd);
		return complain(st, -EINVAL, "/%s: must be a regular file of at most %d MB",
		                st->trials_name, TRIALS_BYTES_MAX >> 20);
	}
	if (append && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return complain(st, -EBUSY, ": another wgbench is appending to this run");
	}
	return fd;
}

static int complain_unreadable(const struct store *st, int error)
{
	if (error == EFBIG)
		return complain(st, -EINVAL, "/%s: unpacks to more than %d MB", st->trials_name,
		                TRIALS_BYTES_MAX >> 20);
	return complain(st, -EIO, "/%s: cannot be read: damaged, or cut short", st->trials_name);
}

static int read_trials(struct store *st, FILE *file, off_t *whole_bytes)
{
	char *line = NULL;
	size_t room = 0, number = 0, slots = 0;
	ssize_t length;
	int ret = 0;

	*whole_bytes = 0;
	while (!ret && (length = getline(&line, &room, file)) > 0) {
		char fault[512];

		if (ferror(file))
			break;

		if (line[length - 1] != '\n') {
			st->torn = true;
			break;
		}
		number++;
		*whole_bytes += length;
		if (number > STORE_TRIALS_MAX) {
			ret = complain(st, -EINVAL, "/%s:%zu: more than %d trials", st->trials_name,
			               number, STORE_TRIALS_MAX);
			break;
		}
		if (st->trials == slots) {
			slots = slots ? 2 * slots : 64;
			st->trial = reallocarray(st->trial, slots, sizeof(*st->trial));
			if (!st->trial)
				abort();
		}
		memset(&st->trial[st->trials], 0, sizeof(*st->trial));
		ret =
		    record_decode(&st->trial[st->trials++], st, line, length, fault, sizeof(fault));
		if (ret)
			complain(st, ret, "/%s:%zu: %s", st->trials_name, number, fault);
	}
	if (!ret && ferror(file))
		ret = complain_unreadable(st, errno);
	free(line);
	return ret;
}

static int trial_order(const void *a, const void *b)
{
	const struct trial *x = *(struct trial *const *)a, *y = *(struct trial *const *)b;
	int order = strcmp(x->workload, y->workload);

	if (!order)
		order = (x->block > y->block) - (x->block < y->block);
	if (!order)
		order = (x->attempt > y->attempt) - (x->attempt < y->attempt);
	if (!order)
		order = (x->position > y->position) - (x->position < y->position);
	return order;
}

// The same place of the same block twice would count a measurement twice.
static int refuse_duplicates(const struct store *st)
{
	const struct trial **sorted = calloc(st->trials + 1, sizeof(*sorted));
	int ret = 0;

	if (!sorted)
		abort();
	for (size_t i = 0; i < st->trials; i++)
		sorted[i] = &st->trial[i];
	qsort(sorted, st->trials, sizeof(*sorted), trial_order);
	for (size_t i = 1; i < st->trials && !ret; i++) {
		size_t line = sorted[i] - st->trial, other = sorted[i - 1] - st->trial;

		if (!trial_order(&sorted[i - 1], &sorted[i]))
			ret = complain(st, -EINVAL, "/%s:%zu: the same trial as line %zu",
			               st->trials_name, 1 + (line > other ? line : other),
			               1 + (line > other ? other : line));
	}
	free(sorted);
	return ret;
}

static int load_run(struct store *st)
{
	char path[PATH_MAX + 16];
	char fault[512];
	int ret;

	snprintf(path, sizeof(path), "%s/run.json", st->dir);
	ret = fields_load(&st->run, path, fault, sizeof(fault));
	if (ret)
		return complain(st, ret, "/run.json:%s%s", fault,
		                ret == -ENOENT || ret == -ENOTDIR ? ": not a run folder" : "");
	return read_run(st);
}

int store_open(struct store *st, const char *dir, bool append)
{
	off_t whole_bytes;
	FILE *file;
	int fd, ret = init(st, dir);

	if (ret)
		return ret;
	ret = load_run(st);
	if (ret)
		goto err_run;
	fd = ret = open_trials(st, append);
	if (ret < 0)
		goto err_run;
	if (append)
		st->trials_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); // shares the lock
	file = compressed_open(fd, TRIALS_BYTES_MAX);
	ret = read_trials(st, file, &whole_bytes);
	fclose(file);
	if (!ret)
		ret = refuse_duplicates(st);
	if (ret)
		goto err_run;
	if (st->torn) {
		complain(st, 0, "/%s:%zu: the last line is torn: %s", st->trials_name,
		         st->trials + 1, append ? "cut off" : "left out");
		if (append && ftruncate(st->trials_fd, whole_bytes)) {
			ret = -errno;
			complain(st, ret, "/trials.jsonl: cannot be cut: %s", strerror(-ret));
			goto err_run;
		}
	}
	return 0;

err_run:
	store_close(st);
	return ret;
}

// ---- trials.jsonl: appending

size_t store_lost(const struct store *st)
{
	json_int_t known = json_integer_value(json_object_get(st->run, "trials"));

	return known > 0 && (size_t)known > st->trials ? known - st->trials : 0;
}

int store_append(struct store *st, const struct trial *trial)
{
	struct stat before;
	char *line;
	int ret = record_encode(trial, st, &line);

	if (ret)
		return ret;
	ret = fstat(st->trials_fd, &before) ? -errno : 0;
	if (!ret) {
		ret = write_all(st->trials_fd, line, strlen(line));
		if (!ret && fdatasync(st->trials_fd))
			ret = -errno;
		if (ret && ftruncate(st->trials_fd, before.st_size))
			fprintf(stderr, "wgbench: %s/trials.jsonl: half a line stays: %s\n",
			        st->dir, strerror(errno));
	}
	free(line);
	return ret;
}

void store_close(struct store *st)
{
	for (size_t i = 0; i < st->trials; i++) {
		json_decref(st->trial[i].parameters);
		json_decref(st->trial[i].samples);
		json_decref(st->trial[i].environment);
	}
	free(st->trial);
	json_decref(st->run);
	if (st->trials_fd >= 0)
		close(st->trials_fd);
	st->trial = NULL;
	st->run = NULL;
	st->trials = 0;
	st->trials_fd = -1;
}
