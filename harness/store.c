#include "harness/store.h"

#include "harness/output.h"
#include "harness/record.h"

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

static int complain(const struct store *st, int ret, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int complain(const struct store *st, int ret, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "wgbench: %s", st->dir);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return ret;
}

static int copy_text(char *to, size_t bytes, const json_t *from)
{
	const char *text = json_string_value(from);

	if (!text || json_string_length(from) >= bytes || strlen(text) != json_string_length(from))
		return -EINVAL;
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

// ---- run.json

static int read_tunnels(struct store *st)
{
	const json_t *tunnels = json_object_get(st->run, "tunnels"), *row;
	size_t i;

	st->tunnels = json_array_size(tunnels);
	if (!st->tunnels || st->tunnels > STORE_TUNNELS_MAX)
		return complain(st, -EINVAL, "/run.json: 'tunnels' must hold 1 to %d tunnels",
		                STORE_TUNNELS_MAX);
	json_array_foreach(tunnels, i, row)
	{
		struct store_tunnel *t = &st->tunnel[i];

		if (copy_text(t->spec, sizeof(t->spec), json_object_get(row, "spec")) ||
		    copy_text(t->revision, sizeof(t->revision), json_object_get(row, "revision")) ||
		    copy_text(t->sha256, sizeof(t->sha256),
		              json_object_get(row, "binary_sha256")) ||
		    copy_text(t->version, sizeof(t->version), json_object_get(row, "version")))
			return complain(st, -EINVAL,
			                "/run.json: tunnel %zu needs texts 'spec', 'revision', "
			                "'binary_sha256', 'version'",
			                i);
	}
	return 0;
}

// A plan of an unfinished run; a run that has none is judged by what it holds.
static int check_workloads(const struct store *st)
{
	const json_t *workloads = json_object_get(st->run, "workloads"), *name;
	size_t i;

	json_array_foreach(workloads, i, name)
	{
		if (!json_is_string(name))
			return complain(
			    st, -EINVAL,
			    "/run.json: 'workloads' must hold texts, but number %zu isn't "
			    "one",
			    i);
	}
	return 0;
}

// Takes over what the reader needs of st->run.
static int read_run(struct store *st)
{
	const json_t *schema = json_object_get(st->run, "schema");
	json_int_t version = json_integer_value(schema);
	json_int_t size = json_integer_value(json_object_get(st->run, "trials_per_block"));

	if (!json_is_integer(schema))
		return complain(st, -EINVAL, "/run.json: no 'schema': not a run of wgbench");
	if (version != STORE_SCHEMA)
		return complain(st, -EINVAL,
		                "/run.json: schema %lld, but this wgbench reads %d: use %s one",
		                (long long)version, STORE_SCHEMA,
		                version > STORE_SCHEMA ? "a newer" : "an older");
	if (copy_text(st->id, sizeof(st->id), json_object_get(st->run, "id")) || !*st->id)
		return complain(st, -EINVAL, "/run.json: no 'id'");
	if (size < 1 || size > 1000)
		return complain(st, -EINVAL,
		                "/run.json: 'trials_per_block' must be a number from 1 to 1000");
	st->trials_per_block = size;
	int ret = check_workloads(st);
	return ret ? ret : read_tunnels(st);
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

int store_make_folders(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
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
	ret = store_make_folders(dir);
	if (ret) {
		complain(st, ret, ": cannot be made: %s", strerror(-ret));
		goto err_run;
	}
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

static int open_trials(struct store *st, bool append)
{
	char path[PATH_MAX + 16];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/trials.jsonl", st->dir);
	fd = open(path, (append ? O_RDWR | O_APPEND : O_RDONLY) | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		return complain(st, ret, "/trials.jsonl: %s", strerror(-ret));
	}
	if (append && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return complain(st, -EBUSY, ": another wgbench is appending to this run");
	}
	return fd;
}

static int read_trials(struct store *st, FILE *file, off_t *whole_bytes)
{
	char *line = NULL;
	size_t room = 0, number = 0, slots = 0;
	ssize_t length;
	int ret = 0;

	*whole_bytes = 0;
	while (!ret && (length = getline(&line, &room, file)) > 0) {
		char fault[160];

		if (line[length - 1] != '\n') {
			st->torn = true;
			break;
		}
		number++;
		*whole_bytes += length;
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
			complain(st, ret, "/trials.jsonl:%zu: %s", number, fault);
	}
	if (!ret && ferror(file))
		ret = complain(st, -EIO, "/trials.jsonl: cannot be read");
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
			ret = complain(st, -EINVAL, "/trials.jsonl:%zu: the same trial as line %zu",
			               1 + (line > other ? line : other),
			               1 + (line > other ? other : line));
	}
	free(sorted);
	return ret;
}

static int load_run(struct store *st)
{
	char path[PATH_MAX + 16];
	json_error_t error;

	snprintf(path, sizeof(path), "%s/run.json", st->dir);
	if (access(path, R_OK)) {
		int ret = -errno;

		return complain(st, ret, "/run.json: %s: not a run folder", strerror(-ret));
	}
	st->run = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!st->run)
		return complain(st, -EINVAL, "/run.json:%d: %s", error.line, error.text);
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
	file = fdopen(fd, "r");
	if (!file)
		abort();
	ret = read_trials(st, file, &whole_bytes);
	fclose(file);
	if (!ret)
		ret = refuse_duplicates(st);
	if (ret)
		goto err_run;
	if (st->torn) {
		complain(st, 0, "/trials.jsonl:%zu: the last line is torn: %s", st->trials + 1,
		         append ? "cut off" : "left out");
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
