#include "harness/record/store.h"

#include "base/fields.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/compressed.h"
#include "base/text.h"
#include "harness/record/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

static json_t *encode_run(const struct store *st)
{
	struct text fault = {0};
	json_t *object = run_write(&st->run, &fault);

	if (!object)
		complain(st, -EINVAL, "/run.json: %s", text_string(&fault));
	text_free(&fault);
	return object;
}

static int write_object(const struct store *st, const json_t *object)
{
	char *path = path_join(st->dir, "run.json");
	int ret = output_json(path, object, JSON_INDENT(2));

	free(path);
	return ret;
}

int store_write_run(const struct store *st)
{
	json_t *object = encode_run(st);
	int ret = object ? write_object(st, object) : -EINVAL;

	json_decref(object);
	return ret;
}

static void init(struct store *st, const char *dir)
{
	*st = (struct store){.trials_fd = -1, .dir = text_format("%s", dir)};
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
static int create_files(struct store *st, const json_t *object)
{
	char *path = path_join(st->dir, plain);
	int ret = 0;

	st->trials_name = plain;
	st->trials_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (st->trials_fd < 0) {
		ret = -errno;
		complain(st, ret, "/trials.jsonl: %s",
		         ret == -EEXIST ? "holds a run already: choose another folder, or --resume"
		                        : strerror(-ret));
	} else {
		ret = flock(st->trials_fd, LOCK_EX | LOCK_NB) ? -errno : write_object(st, object);
		if (ret)
			unlink(path);
	}
	free(path);
	return ret;
}

int store_create(struct store *st, const char *dir, struct run *run)
{
	json_t *object;
	int ret = 0;

	init(st, dir);
	st->run = *run;
	*run = (struct run){0};
	object = encode_run(st);
	if (!object)
		ret = -EINVAL;
	if (!ret) {
		ret = path_make_folders(dir);
		if (ret)
			complain(st, ret, ": cannot be made: %s", strerror(-ret));
	}
	if (!ret && has_file(st, packed))
		ret = complain(st, -EEXIST, "/%s: holds a run already: choose another folder",
		               packed);
	if (!ret)
		ret = create_files(st, object);
	json_decref(object);
	if (ret)
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

// Keeps the trial of a line.
static int take_line(struct store *st, const char *line, size_t length, struct text *fault)
{
	struct trial *t;
	int ret;

	st->trial = memory_more(st->trial, st->trials, &st->room, sizeof(*st->trial));
	t = &st->trial[st->trials];
	ret = trial_decode(t, &st->run, line, length, fault);
	st->trials += !ret;
	if (ret)
		trial_free(t);
	return ret;
}

static int read_trials(struct store *st, FILE *file, off_t *whole_bytes)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t length;
	struct text fault = {0};
	int ret = 0;

	*whole_bytes = 0;
	while (!ret && (length = getline(&line, &room, file)) > 0) {
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
		ret = take_line(st, line, length, &fault);
		if (ret)
			complain(st, ret, "/%s:%zu: %s", st->trials_name, number,
			         text_string(&fault));
	}
	text_free(&fault);
	if (!ret && ferror(file))
		ret = complain_unreadable(st, errno);
	free(line);
	return ret;
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
	qsort(sorted, st->trials, sizeof(*sorted), trial_order_by_place);
	for (size_t i = 1; i < st->trials && !ret; i++) {
		size_t line = sorted[i] - st->trial, other = sorted[i - 1] - st->trial;

		if (!trial_order_by_place(&sorted[i - 1], &sorted[i]))
			ret = complain(st, -EINVAL, "/%s:%zu: the same trial as line %zu",
			               st->trials_name, 1 + (line > other ? line : other),
			               1 + (line > other ? other : line));
	}
	free(sorted);
	return ret;
}

static int load_run(struct store *st)
{
	char *path = path_join(st->dir, "run.json");
	struct text fault = {0};
	json_t *object;
	int ret = fields_load(&object, path, &fault);

	free(path);
	if (ret) {
		complain(st, ret, "/run.json:%s%s", text_string(&fault),
		         ret == -ENOENT || ret == -ENOTDIR ? ": not a run folder" : "");
	} else {
		ret = run_read(&st->run, object, &fault);
		if (ret)
			complain(st, ret, "/run.json: %s", text_string(&fault));
	}
	text_free(&fault);
	json_decref(object);
	return ret;
}

int store_open(struct store *st, const char *dir, bool append)
{
	off_t whole_bytes;
	FILE *file;
	int fd, ret;

	init(st, dir);
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
	return st->run.trials > st->trials ? st->run.trials - st->trials : 0;
}

// Metrics that this is the first trial to measure.
static int add_metrics(struct store *st, const struct trial *t)
{
	struct text fault = {0};
	bool added = false;
	int ret = 0;

	for (size_t i = 0; i < t->values && !ret; i++) {
		const struct metric *m = t->value[i].metric;

		added |= !run_metric_of(&st->run, t->workload, m->name);
		ret = run_add_metric(&st->run, t->workload, m, &fault);
	}
	if (ret)
		complain(st, ret, ": %s", text_string(&fault));
	text_free(&fault);
	return !ret && added ? store_write_run(st) : ret;
}

static int append_line(struct store *st, const char *line, size_t length)
{
	struct stat before;
	int ret = fstat(st->trials_fd, &before) ? -errno : 0;

	if (ret)
		return ret;
	ret = write_all(st->trials_fd, line, length);
	if (!ret && fdatasync(st->trials_fd))
		ret = -errno;
	if (ret && ftruncate(st->trials_fd, before.st_size))
		fprintf(stderr, "wgbench: %s/trials.jsonl: half a line is left: %s\n", st->dir,
		        strerror(errno));
	return ret;
}

int store_append(struct store *st, const struct trial *t)
{
	char *line = trial_encode(t, &st->run);
	size_t length = line ? strlen(line) : 0;
	struct text fault = {0};
	int ret = line ? add_metrics(st, t) : -EINVAL;

	if (!ret)
		ret = take_line(st, line, length, &fault);
	if (!ret) {
		ret = append_line(st, line, length);
		if (ret)
			trial_free(&st->trial[--st->trials]);
	}
	text_free(&fault);
	free(line);
	return ret;
}

void store_close(struct store *st)
{
	for (size_t i = 0; i < st->trials; i++)
		trial_free(&st->trial[i]);
	free(st->trial);
	run_free(&st->run);
	if (st->trials_fd >= 0)
		close(st->trials_fd);
	free(st->dir);
	st->dir = NULL;
	st->trial = NULL;
	st->trials = st->room = 0;
	st->trials_fd = -1;
}
