#include "harness/commands/profile/folded.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 256, FRAME_BYTES = 256 };

static const char kernel_mark[] = "_[k]";
static const char *const end_names[] = {"left end", "right end"};

// One sample while it is read; frames from the innermost on.
struct stack_sample {
	char thread[64];
	pid_t pid;
	size_t frames;
	char frame[FRAMES_MAX][FRAME_BYTES];
	bool interrupt;
};

// Takes the text over.
static void add_stack(struct folded *f, char *text, double samples)
{
	f->stack = memory_more(f->stack, f->n, &f->room, sizeof(*f->stack));
	f->stack[f->n++] = (struct folded_stack){text, samples};
	f->samples += samples;
}

static void add_sample(struct folded *f, const struct stack_sample *s, const char *first)
{
	struct text text = {0};

	text_add(&text, "%s%s%s", first ? first : "", first ? ";" : "", s->thread);
	for (size_t i = s->frames; i-- > 0;)
		text_add(&text, ";%s", s->frame[i]);
	add_stack(f, text_take(&text), 1);
}

static bool is_process_of(const struct folded_ends *ends, int side, pid_t pid)
{
	for (size_t i = 0; i < ends->pids[side]; i++)
		if (ends->pid[side][i] == pid)
			return true;
	return false;
}

static void count_sample(struct folded parts[FOLDED_PARTS], const struct stack_sample *s,
                         const struct folded_ends *ends)
{
	const char *first = NULL;

	if (!s->frames || (!s->pid && !s->interrupt))
		return;
	for (int side = 0; side < 2; side++)
		if (is_process_of(ends, side, s->pid)) {
			add_sample(&parts[side], s, NULL);
			first = end_names[side];
		}
	add_sample(&parts[FOLDED_ALL], s, first);
}

// "COMM PID/TID": the name may hold spaces.
static bool take_header(struct stack_sample *s, const char *line, size_t length)
{
	size_t space = length, slash;
	char *end;

	while (length && line[length - 1] == ' ')
		length--;
	for (space = length; space && line[space - 1] != ' ';)
		space--;
	for (slash = space; slash < length && line[slash] != '/';)
		slash++;
	if (!space || slash == length)
		return false;
	s->pid = strtol(line + space, &end, 10);
	if (end != line + slash)
		return false;
	while (space && line[space - 1] == ' ')
		space--;
	snprintf(s->thread, sizeof(s->thread), "%.*s", (int)space, line);
	for (char *c = s->thread; *c; c++)
		if (*c == ';')
			*c = ':';
	s->frames = 0;
	s->interrupt = false;
	return true;
}

// A name between its last '/' and its end.
struct file_name {
	const char *text;
	size_t length;
};

static bool begins_with(struct file_name f, const char *text)
{
	return f.length >= strlen(text) && !strncmp(f.text, text, strlen(text));
}

static bool ends_with(struct file_name f, const char *text)
{
	return f.length >= strlen(text) &&
	       !strncmp(f.text + f.length - strlen(text), text, strlen(text));
}

static struct file_name name_file(const char *dso, size_t length)
{
	static const char deleted[] = " (deleted)";
	struct file_name f = {dso, length};

	if (ends_with(f, deleted))
		f.length -= strlen(deleted);
	const char *slash = *dso == '[' ? NULL : memrchr(dso, '/', f.length);
	if (slash)
		f = (struct file_name){slash + 1, dso + f.length - slash - 1};
	return f;
}

// A module that perf knows from /proc/kallsyms only is "[NAME]"; so are a process' own areas.
static bool is_bracketed_module(struct file_name f)
{
	static const char *const areas[] = {"[vdso",     "[vsyscall]", "[vvar",    "[heap]",
	                                    "[stack",    "[anon",      "[uprobes", "[unknown",
	                                    "[vectors]", "[sigpage]"};
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	for (size_t i = 0; i < sizeof(areas) / sizeof(*areas); i++)
		if (begins_with(f, areas[i]))
			return false;
	return f.length > 2 && *f.text == '[' && strspn(f.text + 1, plain) == f.length - 2 &&
	       f.text[f.length - 1] == ']';
}

// NAME.ko, compressed as distributions do, or its debug information.
static bool is_module_file(struct file_name f)
{
	static const char *const packed[] = {".gz",  ".xz",   ".zst",   ".bz2",
	                                     ".lz4", ".lzma", ".debug", ".dbg"};

	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++)
		if (ends_with(f, packed[i])) {
			f.length -= strlen(packed[i]);
			i = -1;
		}
	return ends_with(f, ".ko") && f.length > strlen(".ko");
}

// vmlinux, vmlinux.debug, vmlinux-VERSION.
static bool is_kernel_image(struct file_name f)
{
	static const char *const images[] = {"vmlinux", "vmlinuz"};

	for (size_t i = 0; i < sizeof(images) / sizeof(*images); i++) {
		size_t length = strlen(images[i]);

		if (begins_with(f, images[i]) && (f.length == length || f.text[length] == '.' ||
		                                  (f.length > length + 1 && f.text[length] == '-' &&
		                                   strchr("0123456789", f.text[length + 1]))))
			return true;
	}
	return false;
}

// What the kernel generates or runs has no file: BPF programs, kprobes' pages.
static bool is_kernel(const char *dso, struct file_name f)
{
	static const char *const made[] = {"[kernel",         "[guest.kernel",  "bpf_prog_",
	                                   "bpf_trampoline_", "bpf_dispatcher", "bpf_struct_ops_",
	                                   "__builtin__"};

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
		if (f.text == dso && begins_with(f, made[i]))
			return true;
	return is_bracketed_module(f) || is_module_file(f) || is_kernel_image(f) ||
	       !strncmp(dso, "/proc/kcore", strlen("/proc/kcore")) ||
	       (f.text > dso && (begins_with(f, "kallsyms") || begins_with(f, "[kernel")));
}

// The parenthesis that the line's last one closes: the file's name may have some of its own.
static const char *find_dso(const char *symbol, const char *end)
{
	const char *last = NULL;
	int depth = 0;

	if (end == symbol || end[-1] != ')')
		return NULL;
	for (const char *c = end - 1; c > symbol; c--) {
		bool opens = *c == '(' && c[-1] == ' ';

		depth += (*c == ')') - (*c == '(');
		if (opens && !depth)
			return c + 1;
		if (opens && !last)
			last = c + 1;
	}
	return last;
}

// A number after a blank would be read as the stack's samples.
static void join_number(char *frame)
{
	char *blank = strrchr(frame, ' ');

	if (blank && blank[1] && !blank[1 + strspn(blank + 1, "0123456789.")])
		*blank = '_';
}

// "ADDRESS SYMBOL (DSO)": both may hold spaces and parentheses. A symbol that isn't known is named
// by the file that it is in.
static void take_frame(struct stack_sample *s, const char *line, size_t length)
{
	enum { SYMBOL_MAX = FRAME_BYTES - sizeof(kernel_mark) };
	const char *symbol, *dso, *end = line + length;
	size_t symbol_length;
	char *frame;
	int shown;

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	while (line < end && *line != ' ')
		line++;
	symbol = line + (line < end);
	dso = find_dso(symbol, end);
	if (!dso || s->frames == FRAMES_MAX)
		return;
	struct file_name file = name_file(dso, end - 1 - dso);
	const char *mark = is_kernel(dso, file) ? kernel_mark : "";
	symbol_length = dso - 2 > symbol ? dso - 2 - symbol : 0;
	frame = s->frame[s->frames++];
	if (!symbol_length || !strncmp(symbol, "[unknown]", strlen("[unknown]"))) {
		shown = file.length < SYMBOL_MAX - 2 ? file.length : SYMBOL_MAX - 2;

		snprintf(frame, FRAME_BYTES, *file.text == '[' ? "%.*s%s" : "[%.*s]%s", shown,
		         file.text, mark);
	} else {
		shown = symbol_length < SYMBOL_MAX ? symbol_length : SYMBOL_MAX;

		snprintf(frame, FRAME_BYTES, "%.*s%s", shown, symbol, mark);
	}
	join_number(frame);
	s->interrupt |= strstr(frame, "softirq") || strstr(frame, "irq_exit");
	for (; *frame; frame++)
		if (*frame == ';')
			*frame = ':';
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct folded_stack *)a)->text,
	              ((const struct folded_stack *)b)->text);
}

static void merge_stacks(struct folded *f)
{
	size_t n = 0;

	if (f->n)
		qsort(f->stack, f->n, sizeof(*f->stack), by_text);
	for (size_t i = 0; i < f->n; i++) {
		if (n && !strcmp(f->stack[n - 1].text, f->stack[i].text)) {
			f->stack[n - 1].samples += f->stack[i].samples;
			free(f->stack[i].text);
		} else {
			f->stack[n++] = f->stack[i];
		}
	}
	f->n = n;
}

void folded_read(struct folded parts[FOLDED_PARTS], const char *script,
                 const struct folded_ends *ends)
{
	struct stack_sample *s = memory_new(1, sizeof(*s));

	memset(parts, 0, FOLDED_PARTS * sizeof(*parts));
	for (size_t length; *script; script += length + (script[length] == '\n')) {
		length = strcspn(script, "\n");
		if (!length)
			continue;
		if (*script == '\t' || *script == ' ') {
			take_frame(s, script, length);
			continue;
		}
		count_sample(parts, s, ends);
		if (!take_header(s, script, length))
			s->frames = 0;
	}
	count_sample(parts, s, ends);
	free(s);
	for (int i = 0; i < FOLDED_PARTS; i++)
		merge_stacks(&parts[i]);
}

void folded_print(const struct folded *f, struct text *to)
{
	for (size_t i = 0; i < f->n; i++)
		text_add(to, "%s %.0f\n", f->stack[i].text, f->stack[i].samples);
}

void folded_print_difference(const struct folded *before, double before_scale,
                             const struct folded *after, double after_scale, struct text *to)
{
	for (size_t b = 0, a = 0; b < before->n || a < after->n;) {
		int order = b == before->n  ? 1
		            : a == after->n ? -1
		                            : by_text(&before->stack[b], &after->stack[a]);
		const char *text = order > 0 ? after->stack[a].text : before->stack[b].text;
		double was = order <= 0 ? before->stack[b++].samples : 0;
		double is = order >= 0 ? after->stack[a++].samples : 0;

		text_add(to, "%s %.3f %.3f\n", text, was * before_scale, is * after_scale);
	}
}

// Of the kernel's functions; where a sample falls that had to wait for interrupts.
static bool lets_interrupts_in(const char *name)
{
	static const char *const parts[] = {"irq_enable",   "irqrestore",
	                                    "unlock_irq",   "handle_softirqs",
	                                    "__do_softirq", "finish_task_switch"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

double folded_late_share(const struct folded *f, struct text *name)
{
	struct folded late = {0};
	double kernel = 0, share;
	size_t most = 0;

	for (size_t i = 0; i < f->n; i++) {
		const char *text = f->stack[i].text, *leaf = strrchr(text, ';');
		size_t length = strlen(text), mark = strlen(kernel_mark);

		if (!leaf || length <= mark || strcmp(text + length - mark, kernel_mark))
			continue;
		kernel += f->stack[i].samples;
		if (lets_interrupts_in(leaf))
			add_stack(&late,
			          text_format("%.*s", (int)(strlen(leaf + 1) - mark), leaf + 1),
			          f->stack[i].samples);
	}
	merge_stacks(&late);
	text_free(name);
	for (size_t i = 0; i < late.n; i++)
		if (late.stack[i].samples > late.stack[most].samples)
			most = i;
	if (late.n)
		text_set(name, "%s", late.stack[most].text);
	share = late.n ? late.samples / kernel : 0;
	folded_free(&late);
	return share;
}

void folded_ends_only(struct folded *ends, const struct folded *all)
{
	*ends = (struct folded){0};
	for (int pass = 0; pass < 2 && !ends->n; pass++)
		for (size_t i = 0; i < all->n; i++) {
			const char *text = all->stack[i].text;
			bool of_end = false;

			for (int side = 0; side < 2; side++)
				of_end |=
				    !strncmp(text, end_names[side], strlen(end_names[side])) &&
				    text[strlen(end_names[side])] == ';';
			if (of_end || pass)
				add_stack(ends, text_format("%s", text), all->stack[i].samples);
		}
}

void folded_free(struct folded *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->stack[i].text);
	free(f->stack);
	*f = (struct folded){0};
}
