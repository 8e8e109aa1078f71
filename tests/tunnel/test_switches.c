// Switches: every default, every bound, every error, and what an error names.
#include "tests/support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tunnel/switches.h"

static int parse(const char *text, struct switches *switches, char *said, size_t bytes)
{
	FILE *to = tmpfile();
	int real = dup(STDERR_FILENO);

	assert_non_null(to);
	fflush(stderr);
	assert_true(dup2(fileno(to), STDERR_FILENO) >= 0);
	int ret = switches_parse(switches, text);
	fflush(stderr);
	assert_true(dup2(real, STDERR_FILENO) >= 0);
	close(real);
	rewind(to);
	said[fread(said, 1, bytes - 1, to)] = 0;
	fclose(to);
	return ret;
}

static char *print(const struct switches *switches)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(to);
	switches_print(switches, to);
	fclose(to);
	assert_true(bytes > 1 && text[bytes - 1] == '\n');
	text[bytes - 1] = 0;
	assert_null(strchr(text, '\n'));
	return text;
}

static void test_defaults(void **state)
{
	(void)state;
	static const char expected[] =
	    "tun-gso=on,tun-uso=on,udp-gso=on,udp-gro=on,handshake-socket=on,merge-tcp=on,"
	    "merge-udp=on,strict-checksum=on,socket-buffer=1048576,lower-queue=0,queues=0,"
	    "threads=0,clock-scale=1,dumpable=off";
	static const char *const nothing[] = {NULL, ""};

	for (int i = 0; i < 2; i++) {
		struct switches s;
		memset(&s, 0xa5, sizeof(s));
		assert_int_equal(switches_parse(&s, nothing[i]), 0);
		char *text = print(&s);
		assert_string_equal(text, expected);
		free(text);
	}
}

static void test_every_switch_is_its_own(void **state)
{
	(void)state;
	static const char all[] =
	    "tun-gso=off,tun-uso=0,udp-gso=off,udp-gro=0,handshake-socket=off,merge-tcp=off,"
	    "merge-udp=off,"
	    "strict-checksum=0,socket-buffer=4096,lower-queue=2,queues=63,threads=64,clock-scale="
	    "1000,dumpable="
	    "on";
	struct switches s, again;

	assert_int_equal(switches_parse(&s, all), 0);
	assert_int_equal(s.tun_gso, 0);
	assert_int_equal(s.tun_uso, 0);
	assert_int_equal(s.udp_gso, 0);
	assert_int_equal(s.udp_gro, 0);
	assert_int_equal(s.handshake_socket, 0);
	assert_int_equal(s.merge_tcp, 0);
	assert_int_equal(s.merge_udp, 0);
	assert_int_equal(s.strict_checksum, 0);
	assert_int_equal(s.socket_buffer, 4096);
	assert_int_equal(s.lower_queue, SWITCHES_LOWER_BOUNDED);
	assert_int_equal(s.queues, 63);
	assert_int_equal(s.threads, 64);
	assert_int_equal(s.clock_scale, 1000);
	assert_int_equal(s.dumpable, 1);

	char *text = print(&s);
	assert_int_equal(switches_parse(&again, text), 0);
	assert_memory_equal(&s, &again, sizeof(s));
	free(text);
}

static void test_errors_name_the_word(void **state)
{
	(void)state;
	static const struct {
		const char *text, *named, *value;
	} bad[] = {
	    {"tun-gs=on", "'tun-gs'", NULL},
	    {"tun-gsoo=on", "'tun-gsoo'", NULL},
	    {"tun_gso=on", "'tun_gso'", NULL},
	    {"TUN-GSO=on", "'TUN-GSO'", NULL},
	    {"tun-gso", "tun-gso", "''"},
	    {"tun-gso=", "tun-gso", "''"},
	    {"tun-gso=2", "tun-gso", "'2'"},
	    {"tun-gso=yes", "tun-gso", "'yes'"},
	    {"tun-gso=onn", "tun-gso", "'onn'"},
	    {"tun-gso=on=off", "tun-gso", "'on=off'"},
	    {"tun-gso=on ", "tun-gso", "'on '"},
	    {" tun-gso=on", "' tun-gso'", NULL},
	    {"threads=65", "threads", "'65'"},
	    {"threads=-1", "threads", "'-1'"},
	    {"threads=+1", "threads", "'+1'"},
	    {"threads=on", "threads", "'on'"},
	    {"threads=1x", "threads", "'1x'"},
	    {"threads=0x1", "threads", "'0x1'"},
	    {"threads=4294967296", "threads", "'4294967296'"},
	    {"threads=18446744073709551617", "threads", "'18446744073709551617'"},
	    {"clock-scale=0", "clock-scale", "'0'"},
	    {"clock-scale=1001", "clock-scale", "'1001'"},
	    {"socket-buffer=4095", "socket-buffer", "'4095'"},
	    {"socket-buffer=1073741825", "socket-buffer", "'1073741825'"},
	    {"dumpable=on,what=1", "'what'", NULL},
	    {"dumpable=on,", "''", NULL},
	    {",dumpable=on", "''", NULL},
	    {"dumpable=on,,threads=1", "''", NULL},
	    {"=on", "''", NULL},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct switches s;
		char said[1024];

		if (parse(bad[i].text, &s, said, sizeof(said)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i].text);
		if (!strstr(said, bad[i].named) || (bad[i].value && !strstr(said, bad[i].value)))
			fail_msg("'%s' was refused by: %s", bad[i].text, said);
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	}
}

static void test_last_one_wins(void **state)
{
	(void)state;
	struct switches s;

	assert_int_equal(switches_parse(&s, "threads=3,threads=5"), 0);
	assert_int_equal(s.threads, 5);
}

static void test_help_has_a_line_for_each(void **state)
{
	(void)state;
	struct switches s;
	char *help, *name, *rest;
	size_t bytes, lines = 0, names = 0;
	FILE *to = open_memstream(&help, &bytes);

	switches_help(to);
	fclose(to);
	for (char *p = help; *p; p++)
		lines += *p == '\n';
	assert_int_equal(switches_parse(&s, NULL), 0);
	char *text = print(&s);
	for (name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		char line[64];

		snprintf(line, sizeof(line), "  %.*s ", (int)strcspn(name, "="), name);
		assert_non_null(strstr(help, line));
		names++;
	}
	assert_int_equal(lines, names);
	free(text);
	free(help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_every_switch_is_its_own),
	    cmocka_unit_test(test_errors_name_the_word),
	    cmocka_unit_test(test_last_one_wins),
	    cmocka_unit_test(test_help_has_a_line_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
