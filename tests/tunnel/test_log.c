// Messages go where they are taken at once, and nowhere else: whatever becomes of who reads them,
// printing returns, and what comes later arrives when it is read again.
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include "tunnel/log.h"

enum { LIMIT_S = 60 };

static FILE *real;

static int tear_down(void **state)
{
	(void)state;
	log_close();
	stderr = real;
	return 0;
}

// Prints so much that no pipe, socket or terminal holds it.
static void print_too_much(void)
{
	for (int i = 0; i < 20000; i++)
		assert_true(fprintf(stderr, "line %d of far too many for anything to hold\n", i) >
		            0);
	assert_false(ferror(stderr));
}

static void drain(int fd)
{
	char text[4096];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, text, sizeof(text)) > 0)
		;
}

static void expect_line(int fd, const char *line)
{
	char text[256] = "";

	fprintf(stderr, "%s", line);
	fprintf(stderr, "!\n");
	ssize_t n = read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	// A terminal ends its lines with two characters.
	assert_memory_equal(text, line, strlen(line));
	assert_int_equal(text[strlen(line)], '!');
}

static void full_and_read_again(int writer, int reader)
{
	log_open(writer);
	expect_line(reader, "one");
	print_too_much();
	drain(reader);
	expect_line(reader, "another");
	close(reader);
	print_too_much();
	close(writer);
}

static void a_pipe(void **state)
{
	(void)state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	full_and_read_again(ends[1], ends[0]);
}

// Others that write there go on as they were.
static void a_pipe_s_other_writers_still_block(void **state)
{
	(void)state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	log_open(ends[1]);
	assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
}

static void a_pipe_that_cannot_be_opened_again(void **state)
{
	(void)state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	log_open(ends[1]);
	log_close();
	expect_line(ends[0], "one");
	print_too_much();
	drain(ends[0]);
	expect_line(ends[0], "another");
	close(ends[0]);
	print_too_much();
	close(ends[1]);
}

static void a_socket(void **state)
{
	(void)state;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	full_and_read_again(ends[1], ends[0]);
}

static void a_terminal(void **state)
{
	(void)state;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0 || grantpt(master) || unlockpt(master)) {
		print_message("skipped: there are no pseudo-terminals\n");
		skip();
	}
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	full_and_read_again(terminal, master);
}

// Stopped by Ctrl-S, as it were.
static void a_stopped_terminal(void **state)
{
	(void)state;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0 || grantpt(master) || unlockpt(master)) {
		print_message("skipped: there are no pseudo-terminals\n");
		skip();
	}
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	log_open(terminal);
	assert_int_equal(tcflow(terminal, TCOOFF), 0);
	print_too_much();
	assert_int_equal(tcflow(terminal, TCOON), 0);
	close(terminal);
	close(master);
}

// Appended to, and not from its beginning.
static void a_file(void **state)
{
	(void)state;
	FILE *file = tmpfile();
	char text[64] = "";

	assert_non_null(file);
	assert_int_equal(write(fileno(file), "before\n", 7), 7);
	log_open(fileno(file));
	fprintf(stderr, "a %s\n", "line");
	assert_int_equal(pread(fileno(file), text, sizeof(text) - 1, 0), 14);
	assert_string_equal(text, "before\na line\n");
	fclose(file);
}

static void nothing_that_can_be_written_to(void **state)
{
	(void)state;
	static const char *const paths[] = {"/dev/full", "/dev/null", "/"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], i ? O_RDONLY : O_WRONLY);

		assert_true(fd >= 0);
		log_open(fd);
		print_too_much();
		close(fd);
		print_too_much();
	}
}

static void errno_is_kept(void **state)
{
	(void)state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	log_open(ends[1]);
	errno = ENOENT;
	fprintf(stderr, "in vain\n");
	assert_int_equal(errno, ENOENT);
	close(ends[1]);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_pipe),
	    TEST(a_pipe_s_other_writers_still_block),
	    TEST(a_pipe_that_cannot_be_opened_again),
	    TEST(a_socket),
	    TEST(a_terminal),
	    TEST(a_stopped_terminal),
	    TEST(a_file),
	    TEST(nothing_that_can_be_written_to),
	    TEST(errno_is_kept),
	};

	real = stderr;
	signal(SIGPIPE, SIG_IGN);
	alarm(LIMIT_S); // what blocks is ended so
	return cmocka_run_group_tests(tests, NULL, NULL);
}
