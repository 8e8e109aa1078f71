#include "harness/plan/workload.h"
#include "tests/support/capture.h"
#include "tests/support/support.h"
#include "workloads/iperf.h"
#include "workloads/ping.h"

#include <errno.h>
#include <math.h>

static void names_are_canonical(void **state)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
	    {"tcp", "tcp"},
	    {"tcp:flows=1", "tcp"},
	    {"tcp:reverse=1,flows=8", "tcp:flows=8,reverse=1"},
	    {"udp:length=64,rate=50,family=6", "udp:rate=50,length=64,family=6"},
	    {"ping:flows=2", "ping:flows=2"},
	    {"tcp:outer=6,family=6", "tcp:family=6,outer=6"},
	    {"idle:peers=100", "idle"},
	    {"idle:keepalive=25,peers=0", "idle:peers=0,keepalive=25"},
	    {"overload:factor=200,size=64", "overload:size=64"},
	    {"overload:outer=6,factor=110", "overload:factor=110,outer=6"},
	    {"bloat:pps=500", "bloat"},
	    {"bloat:at=1,limit=50,bottleneck=100", "bloat:bottleneck=100,at=1,limit=50"},
	    {"bloat:limit=100,at=0,flows=4", "bloat:flows=4"},
	    {"handshake-flood:rate=100000,sources=65536", "handshake-flood"},
	    {"handshake-flood:outer=6,sources=1,rate=50000",
	     "handshake-flood:rate=50000,sources=1,outer=6"},
	};
	struct workload_use use, again;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(workload_parse(&use, cases[i].text), 0);
		assert_string_equal(use.name, cases[i].name);
		assert_int_equal(workload_parse(&again, use.name), 0);
		assert_string_equal(again.name, use.name);
	}
	// The longest there is.
	static const char longest[] = "bloat:flows=64,pps=10000,bottleneck=10000,at=1,limit=10000,"
	                              "ecn=1,family=6,outer=6";
	assert_int_equal(workload_parse(&use, longest), 0);
	assert_string_equal(use.name, longest);
	assert_int_equal(workload_parse(&use, "tcp:flows=64"), 0);
	assert_int_equal(workload_value(&use, "flows"), 64);
	assert_int_equal(workload_value(&use, "family"), 4);
	json_t *parameters = workload_parameters(&use);
	assert_int_equal(json_object_size(parameters), 5);
	assert_int_equal(json_integer_value(json_object_get(parameters, "flows")), 64);
	json_decref(parameters);
}

static void bad_words_are_named(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
	    {"", "unknown workload ''"},
	    {"tpc", "unknown workload 'tpc': one of tcp udp"},
	    {"tcpx:flows=1", "'tcpx'"},
	    {"tcp:", "no parameter ''"},
	    {"tcp:flow=1", "no parameter 'flow': one of flows reverse both family"},
	    {"tcp:flows", "'flows': flows is a whole number from 1 to 64"},
	    {"tcp:flows=", "'flows='"},
	    {"tcp:flows=0", "from 1 to 64"},
	    {"tcp:flows=65", "from 1 to 64"},
	    {"tcp:flows=2x", "'flows=2x'"},
	    {"tcp:flows= 2", "'flows= 2'"},
	    {"tcp:flows=99999999999999999999", "from 1 to 64"},
	    {"tcp:flows=2,", "no parameter ''"},
	    {"tcp:flows=2,,reverse=1", "no parameter ''"},
	    {"tcp:family=5", "family is 4 or 6"},
	    {"ping:outer=5", "outer is 4 or 6"},
	    {"udp:length=1373", "from 64 to 1372"},
	    {"idle:peers=1001", "from 0 to 1000"},
	    {"idle:keepalive=65536", "from 0 to 65535"},
	    {"overload:factor=109", "from 110 to 1000"},
	    {"overload:size=63", "from 64 to 1372"},
	    {"bloat:pps=9", "from 10 to 10000"},
	    {"bloat:flows=0", "from 1 to 64"},
	    {"bloat:bottleneck=10001", "from 0 to 10000"},
	    {"bloat:bottleneck=100,limit=0", "from 1 to 10000"},
	    {"bloat:bottleneck=100,at=2", "from 0 to 1"},
	    {"bloat:ecn=2", "from 0 to 1"},
	    {"handshake-flood:rate=999", "from 1000 to 1000000"},
	    {"handshake-flood:sources=65537", "from 1 to 65536"},
	    {"bloat:at=1", "'bloat:at=1': at says where the bottleneck is: set bottleneck too"},
	    {"bloat:limit=50", "limit is of the bottleneck's queue: set bottleneck too"},
	};
	struct workload_use use;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct capture c;

		capture_begin(&c, STDERR_FILENO);
		int ret = workload_parse(&use, cases[i].text);
		capture_end(&c);
		assert_int_equal(ret, -EINVAL);
		assert_says(&c, cases[i].said);
		assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
	}
}

static void rows_are_sound(void **state)
{
	(void)state;
	for (const struct workload *const *w = workloads; *w; w++) {
		size_t n = 0;

		for (const struct workload_parameter *p = (*w)->parameters; p->name; p++, n++) {
			assert_true(p->min <= p->fallback && p->fallback <= p->max);
			assert_non_null(p->help);
		}
		assert_true(n <= WORKLOAD_PARAMETERS_MAX);
		for (const struct metric *m = (*w)->metrics; m->name; m++)
			assert_non_null(m->unit);
	}
}

static void metrics_come_from_rows(void **state)
{
	struct trial t = {0};

	(void)state;
	workload_set(&t, workloads[0], "goodput_gbps", 1.5);
	workload_set(&t, workloads[0], "no_such_metric", 1);
	workload_set(&t, workloads[0], "cpu_s_per_gbit", NAN);
	assert_int_equal(t.values, 1);
	assert_string_equal(t.value[0].metric->name, "goodput_gbps");
	assert_string_equal(t.value[0].metric->unit, "Gbit/s");
	assert_true(t.value[0].metric->higher_is_better && t.value[0].metric->judged);
	assert_true(t.value[0].value == 1.5);
	// What a workload measured in its own window isn't replaced by that of the whole trial.
	workload_set(&t, workloads[0], "goodput_gbps", 2);
	assert_int_equal(t.values, 1);
	assert_true(t.value[0].value == 1.5);
}

static void ping_replies_are_read(void **state)
{
	static const char text[] =
	    "PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data.\n"
	    "[1795342063.263452] 64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.053 ms\n"
	    "[1795342063.277994] From 10.77.0.1 icmp_seq=2 Destination Host Unreachable\n"
	    "[1795342063.293974] 64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=12.3 ms\n"
	    "[1795342063.309972] 64 bytes from 10.77.0.2: icmp_seq=4 ttl=64 time=104 ms\n"
	    "[1795342063.309975] 64 bytes from 10.77.0.2: icmp_seq=4 ttl=64 time=105 ms (DUP!)\n"
	    "[1795342063.326007] 64 bytes from 10.77.0.2: icmp_seq=5 ttl=64 time=0.0";
	double rtt_us[8];

	(void)state;
	assert_int_equal(ping_parse(text, rtt_us, 8), 3);
	assert_true(rtt_us[0] == 53 && rtt_us[1] == 12300 && rtt_us[2] == 104000);
	assert_int_equal(ping_parse(text, rtt_us, 2), 2);
	assert_int_equal(ping_parse("", rtt_us, 8), 0);
	// The closing line "rtt min/avg/max" and "time 63ms" are no replies.
	assert_int_equal(ping_parse("5 packets transmitted, 5 received, time 63ms\n", rtt_us, 8),
	                 0);
}

// Such a reply has arrived: it is no loss, and its time is no 0.
static void ping_times_are_numbers(void **state)
{
	static const char *const times[] = {"0.000", "",    "-0.05", "nan",  "inf",
	                                    "1e-3",  "0x1", " 0.05", "1.2.3"};
	double rtt_us[2];
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		snprintf(text, sizeof(text), "a: icmp_seq=1 ttl=64 time=%s ms\n", times[i]);
		if (ping_parse(text, rtt_us, 2) != -EPROTO)
			fail_msg("taken: %s", text);
	}
}

static int parse(const char *out, const struct iperf_options *o, struct iperf_sums sums[2],
                 char reason[160])
{
	return iperf_parse(&(struct iperf_said){.out = out, .err = ""}, o, sums, reason, 160);
}

static const char tcp[] = "{\"end\":{\"sum_sent\":{\"bytes\":1100,\"seconds\":1,\"retransmits\":3},"
                          "\"sum_received\":{\"bytes\":1000,\"seconds\":1.25}}}";
static const char both[] =
    "{\"end\":{\"sum_sent\":{\"bytes\":1100,\"seconds\":1,\"retransmits\":3},"
    "\"sum_received\":{\"bytes\":1000,\"seconds\":1.25},"
    "\"sum_sent_bidir_reverse\":{\"bytes\":220,\"seconds\":1,\"retransmits\":4},"
    "\"sum_received_bidir_reverse\":{\"bytes\":200,\"seconds\":1}}}";
static const char udp[] = "{\"end\":{\"sum_sent\":{\"bytes\":1100,\"seconds\":1},"
                          "\"sum_received\":{\"bytes\":1000,\"seconds\":1.25,\"jitter_ms\":0.5}}}";

static void rates_of_intervals_are_kept(void **state)
{
	static const char report[] =
	    "{\"intervals\":[{\"sum\":{\"bits_per_second\":9e9,\"omitted\":true}},"
	    "{\"sum\":{\"bits_per_second\":4e9},\"sum_bidir_reverse\":{\"bits_per_second\":1e9}},"
	    "{\"sum\":{\"bits_per_second\":\"x\"}},{}],"
	    "\"end\":{\"sum_sent\":{\"bytes\":9,\"retransmits\":0},"
	    "\"sum_received\":{\"bytes\":9,\"seconds\":1}}}";
	const struct iperf_options options = {.flows = 1};
	json_t *rates = json_array();
	struct iperf_sums sums[2];
	char reason[160];

	(void)state;
	assert_int_equal(iperf_parse(&(struct iperf_said){.out = report, .err = "", .rates = rates},
	                             &options, sums, reason, sizeof(reason)),
	                 0);
	assert_int_equal(json_array_size(rates), 3);
	assert_true(fabs(json_number_value(json_array_get(rates, 0)) - 5) < 1e-9);
	assert_true(json_number_value(json_array_get(rates, 1)) == 0);
	json_decref(rates);
}

static void iperf_reports_are_read(void **state)
{
	const struct iperf_options forth = {.flows = 1}, back = {.flows = 1, .reverse = true},
	                           bidir = {.flows = 1, .both = true},
	                           datagrams = {.flows = 1, .udp_mbit_per_s = 1};
	struct iperf_sums sums[2];
	char reason[160];

	(void)state;
	assert_int_equal(parse(tcp, &forth, sums, reason), 0);
	assert_true(sums[0].sent_bytes == 1100 && sums[0].received_bytes == 1000);
	assert_true(sums[0].seconds == 1.25 && sums[0].retransmits == 3);
	assert_true(sums[1].received_bytes == 0);
	// With several flows iperf3 3.12 names its socket buffers once for each.
	assert_int_equal(parse("{\"start\":{\"sndbuf_actual\":1,\"sndbuf_actual\":1},\"end\":"
	                       "{\"sum_sent\":{\"bytes\":9,\"retransmits\":3},"
	                       "\"sum_received\":{\"bytes\":9,\"seconds\":1}}}",
	                       &forth, sums, reason),
	                 0);
	assert_int_equal(parse(tcp, &back, sums, reason), 0);
	assert_true(sums[0].received_bytes == 0 && sums[1].received_bytes == 1000);
	assert_int_equal(parse(both, &bidir, sums, reason), 0);
	assert_true(sums[0].received_bytes == 1000 && sums[1].received_bytes == 200);
	assert_true(sums[1].retransmits == 4);
	assert_int_equal(parse(tcp, &bidir, sums, reason), -EIO);
	assert_int_equal(parse(udp, &datagrams, sums, reason), 0);
	assert_true(sums[0].jitter_ms == 0.5 && isnan(sums[0].retransmits));
}

// Each number of a report in turn is missing, or is none.
static void iperf_numbers_are_there(void **state)
{
	static const char *const values[] = {NULL, "null", "\"1000\"", "-5", "[1]", "true"};
	static const struct {
		const char *report, *group, *key;
		struct iperf_options options;
	} cases[] = {
	    {tcp, "sum_sent", "bytes", {.flows = 1}},
	    {tcp, "sum_sent", "retransmits", {.flows = 1}},
	    {tcp, "sum_received", "bytes", {.flows = 1}},
	    {tcp, "sum_received", "seconds", {.flows = 1}},
	    {both, "sum_sent_bidir_reverse", "retransmits", {.flows = 1, .both = true}},
	    {both, "sum_received_bidir_reverse", "bytes", {.flows = 1, .both = true}},
	    {udp, "sum_sent", "bytes", {.flows = 1, .udp_mbit_per_s = 1}},
	    {udp, "sum_received", "jitter_ms", {.flows = 1, .udp_mbit_per_s = 1}},
	};
	struct iperf_sums sums[2];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			json_t *root = json_loads(cases[i].report, 0, NULL);
			json_t *group =
			    json_object_get(json_object_get(root, "end"), cases[i].group);
			char reason[160], name[64];

			if (values[v])
				json_object_set_new(group, cases[i].key,
				                    json_loads(values[v], JSON_DECODE_ANY, NULL));
			else
				json_object_del(group, cases[i].key);
			char *text = json_dumps(root, 0);
			assert_int_equal(parse(text, &cases[i].options, sums, reason), -EIO);
			snprintf(name, sizeof(name), "no number end.%s.%s", cases[i].group,
			         cases[i].key);
			if (!strstr(reason, name))
				fail_msg("'%s' doesn't name %s", reason, name);
			free(text);
			json_decref(root);
		}
}

static void iperf_failures_are_told(void **state)
{
	static const char stalled[] = "{\"end\":{\"sum_sent\":{\"bytes\":9,\"retransmits\":3},"
	                              "\"sum_received\":{\"bytes\":0,\"seconds\":1}}}";
	static const char other[] = "{\"end\":{\"sum_sent\":{\"bytes\":9,\"retransmits\":3},"
	                            "\"sender_tcp_congestion\":\"bbr\","
	                            "\"sum_received\":{\"bytes\":9,\"seconds\":1}}}";
	static const struct {
		const char *out, *err;
		int exit;
		const char *reason;
	} cases[] = {
	    {"", "", 0, "iperf3: it wrote no JSON report"},
	    {"{\"end\":{\"sum_sent\":", "", 1,
	     "iperf3: it wrote no JSON report: {\"end\":{\"sum_sent\":"},
	    {"", "iperf3: unrecognized option '--bidir'\n\n", 1,
	     "iperf3: it wrote no JSON report: iperf3: unrecognized option '--bidir'"},
	    {"{}", "", 0, "iperf3: its report has no number end.sum_sent.bytes"},
	    {"{\"end\":{},\"error\":\"the server is busy\"}", "", 0, "iperf3: the server is busy"},
	    {"{\"end\":{},\"error\":\"\\u001b[31m\\u0007busy\"}", "", 0, "iperf3:  [31m busy"},
	    {"{\"end\":{},\"error\":7}", "", 0, "iperf3: its report is of an error"},
	    {tcp, "iperf3: interrupted\n", 1, "iperf3: it failed: iperf3: interrupted"},
	    {stalled, "", 0, "iperf3: nothing arrived"},
	    {other, "", 0, "iperf3: its flows had another congestion control than was asked for"},
	};
	const struct iperf_options options = {.flows = 1};
	struct iperf_sums sums[2];
	char reason[160], text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct iperf_said said = {
		    .out = cases[i].out, .err = cases[i].err, .exit = cases[i].exit};

		assert_int_equal(iperf_parse(&said, &options, sums, reason, sizeof(reason)), -EIO);
		assert_string_equal(reason, cases[i].reason);
	}
	snprintf(text, sizeof(text), "%s\niperf3: error - control message: Broken pipe\n", tcp);
	assert_int_equal(parse(text, &options, sums, reason), -EIO);
	assert_non_null(strstr(reason, "control message: Broken pipe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_canonical),
	    cmocka_unit_test(bad_words_are_named),
	    cmocka_unit_test(rows_are_sound),
	    cmocka_unit_test(metrics_come_from_rows),
	    cmocka_unit_test(ping_replies_are_read),
	    cmocka_unit_test(ping_times_are_numbers),
	    cmocka_unit_test(iperf_numbers_are_there),
	    cmocka_unit_test(rates_of_intervals_are_kept),
	    cmocka_unit_test(iperf_reports_are_read),
	    cmocka_unit_test(iperf_failures_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
