#include "harness/machine/counters.h"

#include "base/text.h"

#include <errno.h>
#include <perfmon/pfmlib_perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int parse_event(struct counters_event *event, const char *word, size_t length,
                       struct text *fault)
{
	pfm_perf_encode_arg_t encoding = {.attr = &event->attr, .size = sizeof(encoding)};

	*event = (struct counters_event){.attr.size = sizeof(event->attr)};
	if (!length || length >= sizeof(event->name)) {
		text_set(fault, "'%.*s' is no counter's name", (int)length, word);
		return -EINVAL;
	}
	memcpy(event->name, word, length);
	int ret = pfm_get_os_event_encoding(event->name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT,
	                                    &encoding);
	if (ret == PFM_SUCCESS)
		return 0;
	text_set(fault,
	         "unknown counter '%s' (%s): libpfm's names, such as instructions, cycles, "
	         "cache-misses, branch-misses, perf::TASK-CLOCK, perf::CONTEXT-SWITCHES, "
	         "perf::PAGE-FAULTS",
	         event->name, pfm_strerror(ret));
	return -EINVAL;
}

int counters_parse(struct counters_set *set, const char *list, struct text *fault)
{
	int ret = pfm_initialize();

	set->n = 0;
	if (ret != PFM_SUCCESS) {
		text_set(fault, "counters: libpfm: %s", pfm_strerror(ret));
		return -EINVAL;
	}
	for (const char *word = list;; word++) {
		size_t length = strcspn(word, ",");

		if (set->n == COUNTERS_MAX) {
			text_set(fault, "counter '%.*s' is one too many: at most %d", (int)length,
			         word, COUNTERS_MAX);
			return -EINVAL;
		}
		if (parse_event(&set->event[set->n], word, length, fault))
			return -EINVAL;
		set->n++;
		word += length;
		if (!*word)
			return 0;
	}
}

static const char *explain_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case EOPNOTSUPP:
		return "this machine has no such counter (a virtual machine without a PMU?)";
	case EACCES:
	case EPERM:
		return "not allowed: run as root, or lower kernel.perf_event_paranoid";
	case EMFILE:
		return "too many open files";
	default:
		return strerror(error);
	}
}

static int open_event(struct perf_event_attr *attr, int leader)
{
	attr->disabled = leader < 0; // the others count when their leader does
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	return syscall(SYS_perf_event_open, attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
}

void counters_open(struct counters *counters, const struct counters_set *set)
{
	int leader = -1;

	counters->n = set->n;
	for (size_t i = 0; i < set->n; i++) {
		struct perf_event_attr attr = set->event[i].attr;
		bool leads = leader < 0;
		int fd = open_event(&attr, leader);

		if (fd < 0 && !leads) { // the group may be full
			leads = true;
			fd = open_event(&attr, -1);
		}
		counters->event[i].fd = fd;
		counters->event[i].leads = leads;
		counters->event[i].because = fd < 0 ? explain_error(errno) : NULL;
		if (fd >= 0 && leads)
			leader = fd;
	}
}

static void request_groups(const struct counters *counters, unsigned long request)
{
	for (size_t i = 0; i < counters->n; i++)
		if (counters->event[i].fd >= 0 && counters->event[i].leads)
			ioctl(counters->event[i].fd, request, 0);
}

void counters_start(const struct counters *counters)
{
	request_groups(counters, PERF_EVENT_IOC_ENABLE);
}

void counters_stop(const struct counters *counters)
{
	request_groups(counters, PERF_EVENT_IOC_DISABLE);
}

bool counters_scale(uint64_t count, uint64_t enabled_ns, uint64_t running_ns,
                    struct counters_value *value)
{
	*value = (struct counters_value){.because = "it was never on the PMU"};
	if (!running_ns || running_ns > enabled_ns)
		return false;
	value->available = true;
	value->because = NULL;
	value->running = (double)running_ns / enabled_ns;
	value->count = running_ns == enabled_ns ? count : count / value->running;
	return true;
}

void counters_read(const struct counters *counters, size_t i, struct counters_value *value)
{
	struct {
		uint64_t count, enabled_ns, running_ns;
	} read_back;
	int fd = counters->event[i].fd;

	if (fd < 0) {
		*value = (struct counters_value){.because = counters->event[i].because};
		return;
	}
	if (read(fd, &read_back, sizeof(read_back)) != sizeof(read_back))
		*value = (struct counters_value){.because = "its value can't be read"};
	else
		counters_scale(read_back.count, read_back.enabled_ns, read_back.running_ns, value);
}

void counters_close(struct counters *counters)
{
	for (size_t i = 0; i < counters->n; i++)
		if (counters->event[i].fd >= 0)
			close(counters->event[i].fd);
	counters->n = 0;
}
