#include "harness/workload.h"
#include "harness/store.h"
#include "tests/harness/capture.h"
#include "tests/support.h"
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
		for (const struct workload_metric *m = (*w)->metrics; m->name; m++)
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
	assert_int_equal(t.metrics, 1);
	assert_string_equal(t.metric[0].name, "goodput_gbps");
	assert_string_equal(t.metric[0].unit, "Gbit/s");
	assert_true(t.metric[0].higher_is_better && t.metric[0].judged);
	assert_true(t.metric[0].value == 1.5);
	// What a workload measured in its own window isn't replaced by that of the whole trial.
	workload_set(&t, workloads[0], "goodput_gbps", 2);
	assert_int_equal(t.metrics, 1);
	assert_true(t.metric[0].value == 1.5);
}

static void ping_replies_are_read(void **state)
{
	static const char text[] =
	    "PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data.\n"
	    "[1795342063.263452] 64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.053 ms\n"
	    "[1795342063.277994] From 10.77.0.1 icmp_seq=2 Destination Host Unreachable\n"
	    "[1795342063.293974] 64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=12.3 ms\n"
	    "[1795342063.309972] 64 bytes from 10.77.0.2: icmp_seq=4 ttl=64 time=104 ms\n"
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

static void iperf_reports_are_read(void **state)
{
	static const char tcp[] =
	    "{\"end\":{\"sum_sent\":{\"bytes\":1100,\"seconds\":1,\"retransmits\":3},"
	    "\"sum_received\":{\"bytes\":1000,\"seconds\":1.25}}}";
	static const char both[] =
	    "{\"end\":{\"sum_sent\":{\"bytes\":1100,\"seconds\":1,\"retransmits\":3},"
	    "\"sum_received\":{\"bytes\":1000,\"seconds\":1.25},"
	    "\"sum_sent_bidir_reverse\":{\"bytes\":220,\"seconds\":1,\"retransmits\":4},"
	    "\"sum_received_bidir_reverse\":{\"bytes\":200,\"seconds\":1}}}";
	const struct iperf_options forth = {.flows = 1}, back = {.flows = 1, .reverse = true},
	                           bidir = {.flows = 1, .both = true};
	struct iperf_sums sums[2];
	char reason[128];

	(void)state;
	assert_int_equal(iperf_parse(tcp, &forth, sums, reason, sizeof(reason)), 0);
	assert_true(sums[0].sent_bytes == 1100 && sums[0].received_bytes == 1000);
	assert_true(sums[0].seconds == 1.25 && sums[0].retransmits == 3);
	assert_true(sums[1].received_bytes == 0);
	assert_int_equal(iperf_parse(tcp, &back, sums, reason, sizeof(reason)), 0);
	assert_true(sums[0].received_bytes == 0 && sums[1].received_bytes == 1000);
	assert_int_equal(iperf_parse(both, &bidir, sums, reason, sizeof(reason)), 0);
	assert_true(sums[0].received_bytes == 1000 && sums[1].received_bytes == 200);
	assert_true(sums[1].retransmits == 4);
	assert_int_equal(iperf_parse(tcp, &bidir, sums, reason, sizeof(reason)), -EIO);
}

static void iperf_failures_are_told(void **state)
{
	static const struct {
		const char *report, *reason;
	} cases[] = {
	    {"", "iperf3 wrote no JSON report"},
	    {"{\"end\":{\"sum_sent\":", "iperf3 wrote no JSON report"},
	    {"{}", "iperf3's report has no sums"},
	    {"{\"end\":{},\"error\":\"the server is busy\"}", "iperf3: the server is busy"},
	    {"{\"end\":{\"sum_sent\":{},\"sum_received\":{\"seconds\":0}}}",
	     "iperf3's report has no sums"},
	};
	const struct iperf_options options = {.flows = 1};
	struct iperf_sums sums[2];
	char reason[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
		    iperf_parse(cases[i].report, &options, sums, reason, sizeof(reason)), -EIO);
		assert_string_equal(reason, cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_canonical),     cmocka_unit_test(bad_words_are_named),
	    cmocka_unit_test(rows_are_sound),          cmocka_unit_test(metrics_come_from_rows),
	    cmocka_unit_test(ping_replies_are_read),   cmocka_unit_test(iperf_reports_are_read),
	    cmocka_unit_test(iperf_failures_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
