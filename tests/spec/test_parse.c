// Specs against a small source tree made for the test: with presets, a Makefile and a history.
#include "harness/spec/git.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/spec/parse.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

#include <sys/stat.h>

static char root[64];
static struct spec_catalog catalog;

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void git(const char *a, const char *b, const char *c)
{
	const char *const argv[] = {
	    "git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@example.com",
	    a,     b,    c,    NULL};
	struct process_text text;

	if (process_run(argv, PROCESS_HERE, NULL, 20000, &text))
		fail_msg("git %s: %s", a, text.err);
	process_text_free(&text);
}

// The tree's own, of the tree that this test was built in.
static void copy_script(void)
{
	static char from[4200], to[256];
	const char *const argv[] = {"cp", from, to, NULL};

	unsetenv("WGBENCH_ROOT");
	char *here = spec_find_root();
	assert_non_null(here);
	put("scripts/README", "");
	snprintf(from, sizeof(from), "%s/scripts/revision", here);
	free(here);
	snprintf(to, sizeof(to), "%s/scripts/revision", root);
	assert_int_equal(process_run(argv, PROCESS_HERE, NULL, 20000, NULL), 0);
}

static const char makefile[] =
    "tunnel:\n\t@test ! -e broken && test ! -e build/spoiled && test ! -e ../../full\n"
    "\t@if test -e ../../once; then rm ../../once; false; fi\n"
    "\t@if test -e ../../little; then mv ../../little ../../full; fi\n"
    "\t@test '$(SPEC)' != ring=broken || { echo the compiler says no >&2; false; }\n"
    "\t@mkdir -p 'build/$(PROFILE)/tunnels/$(SPEC)'\n"
    "\t@cp /bin/true 'build/$(PROFILE)/tunnels/$(SPEC)/wgbench-tunnel'\n"
    "replay: tunnel\n"
    "\t@cp /bin/true 'build/$(PROFILE)/tunnels/$(SPEC)/wgbench-replay'\n";

static int set_up(void **state)
{
	(void)state;
	unsetenv("GIT_DIR"); // as a hook would have set them
	unsetenv("GIT_INDEX_FILE");
	strcpy(root, "/tmp/wgbench-test-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("Makefile", makefile);
	copy_script();
	put(".gitignore", "/build/\n");
	put("variants/ring/old.c", "");
	put("variants/aead/one.c", "");
	put("variants/presets", "default aead=one,ring=old\n");
	git("init", "-q", ".");
	git("add", ".", "--");
	git("commit", "-qm", "first");
	git("tag", "v1", "HEAD");
	git("mv", "variants/ring/old.c", "variants/ring/new.c");
	put("variants/ring/spare.c", "");
	put("variants/ring/broken.c", "");
	put("variants/ring/ring.h", "");
	put("variants/empty/README", "");
	put("workloads/replay/main.c", "");
	put("variants/presets",
	    "# NAME slot=variant\n\ndefault  aead=one,ring=new  # the usual one\n"
	    "other ring=spare\n");
	git("add", ".", "--");
	git("commit", "-qm", "second");
	setenv("WGBENCH_ROOT", root, 1);
	return spec_catalog_load(&catalog);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(root, synthetic_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void catalog_is_what_lies_in_the_folders(void **state)
{
	(void)state;
	assert_int_equal(catalog.slots, 2);
	assert_string_equal(catalog.slot[0].name, "aead");
	assert_string_equal(catalog.slot[1].name, "ring");
	assert_int_equal(catalog.slot[1].variants, 3);
	assert_int_equal(catalog.presets, 2);
	assert_string_equal(catalog.preset[0].meaning, "the usual one");
	assert_string_equal(catalog.preset[1].meaning, "");
	assert_string_equal(catalog.preset[1].name, "other");
	assert_string_equal(catalog.slot[1].variant[catalog.preset[1].variant[1]], "spare");
	assert_string_equal(catalog.slot[0].variant[catalog.preset[1].variant[0]], "one");
}

static void names_are_canonical(void **state)
{
	struct spec s;

	(void)state;
	assert_int_equal(spec_parse(&s, &catalog, "default"), 0);
	assert_string_equal(s.name, "default");
	assert_string_equal(s.build, "default");
	assert_string_equal(s.choice[1].variant, "new");
	assert_int_equal(spec_parse(&s, &catalog, "ring=spare,aead=one"), 0);
	assert_string_equal(s.name, "aead=one,ring=spare");
	assert_string_equal(s.build, s.name);
	assert_string_equal(s.choice[1].slot, "ring");
	assert_string_equal(s.choice[1].variant, "spare");
	// What happens to be the default's own choice stays the user's words.
	assert_int_equal(spec_parse(&s, &catalog, "ring=new"), 0);
	assert_string_equal(s.name, "ring=new");
	assert_int_equal(s.choices, 2);
	assert_int_equal(spec_parse(&s, &catalog, "exec:/bin/../bin/sh"), 0);
	assert_int_equal(s.kind, SPEC_EXEC);
	assert_string_equal(s.name, "exec:/bin/../bin/sh");
	assert_int_equal(spec_parse(&s, &catalog, "wireguard-go"), 0);
	assert_int_equal(s.kind, SPEC_WIREGUARD_GO);
	assert_int_equal(spec_parse(&s, &catalog, "ring=old+udp-gso=off+threads=2@v1"), 0);
	assert_string_equal(s.build, "ring=old");
	assert_string_equal(s.switches, "udp-gso=off,threads=2");
	assert_string_equal(s.revision, "v1");
	assert_string_equal(s.name, "ring=old+udp-gso=off+threads=2@v1");
	assert_int_equal(spec_parse(&s, &catalog, "default+udp-gso=off"), 0);
	assert_string_equal(s.build, "default");
	assert_string_equal(s.name, "default+udp-gso=off");
	// What is planted comes last, and isn't a slot.
	assert_int_equal(spec_parse(&s, &catalog, "plant=220ns,ring=spare+threads=2"), 0);
	assert_string_equal(s.build, "ring=spare,plant=220ns");
	assert_int_equal(s.choices, 3);
	assert_string_equal(s.choice[2].slot, "plant");
	assert_string_equal(s.choice[2].variant, "220ns");
	assert_int_equal(spec_parse(&s, &catalog, "plant=5i"), 0);
	assert_string_equal(s.name, "plant=5i");
	assert_string_equal(s.choice[1].variant, "new");
	assert_int_equal(spec_parse(&s, &catalog, "veth"), 0);
	assert_int_equal(s.kind, SPEC_VETH);
	assert_string_equal(s.name, "veth");
	assert_int_equal(spec_parse(&s, &catalog, "kernel"), 0);
	assert_int_equal(s.kind, SPEC_KERNEL);
}

static void revisions_have_words_of_their_own(void **state)
{
	struct capture c;
	struct spec s;

	(void)state;
	assert_int_equal(spec_parse(&s, &catalog, "ring=old@v1"), 0);
	assert_string_equal(s.name, "ring=old@v1");
	assert_string_equal(s.build, "ring=old");
	assert_string_equal(s.revision, "v1");
	assert_int_equal(strlen(s.commit), 40);
	assert_int_equal(spec_parse(&s, &catalog, "default@v1"), 0);
	assert_string_equal(s.choice[1].variant, "old");
	capture_begin(&c, 2);
	assert_int_equal(spec_parse(&s, &catalog, "ring=new@v1"), -EINVAL);
	assert_int_equal(spec_parse(&s, &catalog, "ring=old"), -EINVAL);
	capture_end(&c);
	assert_says(&c, "unknown variant 'new' of slot 'ring': one of old\n");
	assert_says(&c, "unknown variant 'old' of slot 'ring': one of broken new spare\n");
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	    {"fast", "unknown tunnel 'fast': one of default other; slot=variant,... with the "
	             "slots aead ring"},
	    {"", "unknown tunnel ''"},
	    {"wheel=new", "unknown slot 'wheel': one of aead ring"},
	    {"ring=fast", "unknown variant 'fast' of slot 'ring': one of broken new spare"},
	    {"ring=ring", "unknown variant 'ring'"},
	    {"empty=README", "unknown slot 'empty'"},
	    {"ring=new,ring=spare", "slot 'ring' is given twice"},
	    {"plant=1i,plant=2i", "slot 'plant' is given twice"},
	    {"plant=5", "plant=5: expected a cost per packet"},
	    {"plant=ns", "plant=ns: expected a cost"},
	    {"plant=-1ns", "plant=-1ns: expected a cost"},
	    {"plant=5ni", "plant=5ni: expected a cost"},
	    {"plant=1000000i", "plant=1000000i: expected a cost"},
	    {"default,plant=5i", "unknown tunnel 'default,plant=5i'"},
	    {"ring=new,", "unknown tunnel 'ring=new,'"},
	    {"ring=new,default", "unknown tunnel 'ring=new,default'"},
	    {"ring=", "unknown tunnel 'ring='"},
	    {"=new", "unknown tunnel '=new'"},
	    {"default+", "expected SWITCH=VALUE after '+'"},
	    {"default+udp-gso", "expected SWITCH=VALUE after '+'"},
	    {"default+=off", "expected SWITCH=VALUE after '+'"},
	    {"default+udp-gso=off+", "expected SWITCH=VALUE after '+'"},
	    {"default+udp-gso=off,ring=new", "expected SWITCH=VALUE after '+'"},
	    {"default@", "expected a revision"},
	    {"default@nowhere", "unknown revision 'nowhere'"},
	    {"default@--help", "unknown revision '--help'"},
	    {"wireguard-go@v1", "unknown tunnel 'wireguard-go'"},
	    {"exec:", "not a program"},
	    {"exec:/nonexistent", "exec:/nonexistent: not a program"},
	    {"exec:/etc/passwd", "not a program that can be executed"},
	    {"exec:/tmp", "not a program that can be executed"},
	};
	char longest[400];
	struct capture c;
	struct spec s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		capture_begin(&c, 2);
		assert_int_equal(spec_parse(&s, &catalog, cases[i].text), -EINVAL);
		capture_end(&c);
		assert_says(&c, cases[i].says);
		assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	capture_begin(&c, 2);
	assert_int_equal(spec_parse(&s, &catalog, longest), -EINVAL);
	capture_end(&c);
	assert_says(&c, "too long");
}

static void presets_must_be_whole(void **state)
{
	static const struct {
		const char *presets, *says;
	} cases[] = {
	    {"default aead=one\n", "presets:1: 'default' must choose a variant of 'ring'"},
	    {"other ring=new\n", "presets:1: 'default' must come first, not 'other'"},
	    {"default aead=one,ring=new\nx ring=none\n", "presets:2: no such variant: 'ring=none'"},
	    {"# nothing\n", "no presets"},
	};
	char good[] = "default  aead=one,ring=new\nother ring=spare\n";
	struct spec_catalog *scratch = calloc(1, sizeof(*scratch));
	struct capture c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put("variants/presets", cases[i].presets);
		capture_begin(&c, 2);
		assert_int_equal(spec_catalog_load(scratch), -EINVAL);
		capture_end(&c);
		spec_catalog_free(scratch);
		assert_says(&c, cases[i].says);
	}
	put("variants/presets", good);
	assert_int_equal(spec_catalog_load(scratch), 0);
	spec_catalog_free(scratch);
	free(scratch);
}

static void root_is_checked(void **state)
{
	struct capture c;
	char *found;

	(void)state;
	setenv("WGBENCH_ROOT", "/tmp", 1);
	capture_begin(&c, 2);
	assert_null(spec_find_root());
	capture_end(&c);
	assert_says(&c, "WGBENCH_ROOT=/tmp: not the source tree");
	unsetenv("WGBENCH_ROOT");
	found = spec_find_root();
	assert_non_null(found); // the tree that this test was built in
	free(found);
	setenv("WGBENCH_ROOT", root, 1);
}

static void builds_the_tree_and_a_revision(void **state)
{
	char program[4096], commit[64], file[512];
	struct capture c;
	struct spec s;

	(void)state;
	git("checkout", "-q", ".");
	assert_int_equal(spec_parse(&s, &catalog, "ring=spare"), 0);
	assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);
	assert_int_equal(access(program, X_OK), 0);
	assert_non_null(strstr(program, "/tunnels/ring=spare/wgbench-tunnel"));
	assert_int_equal(strlen(commit), 40);
	put("variants/ring/new.c", "// changed\n");
	assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);
	assert_string_equal(commit + 40, "-dirty");

	assert_int_equal(spec_parse(&s, &catalog, "ring=old@v1"), 0);
	assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);
	assert_string_equal(commit, s.commit);
	assert_non_null(strstr(program, "/build/revisions/"));
	assert_int_equal(access(program, X_OK), 0);

	// A checkout that was cut off is made anew; a whole one is used again.
	snprintf(file, sizeof(file), "%s/build/revisions/%s/variants/ring/old.c", root, commit);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);
	assert_int_equal(access(file, R_OK), 0);
	assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);

	assert_int_equal(spec_parse(&s, &catalog, "ring=broken"), 0);
	capture_begin(&c, 2);
	assert_true(spec_build(&s, &catalog, 0, program, commit) < 0);
	capture_end(&c);
	assert_says(&c, "tunnel 'ring=broken' cannot be built");
	assert_says(&c, "the compiler says no");
}

static int build_at(const char *text, const char *control, const char *says)
{
	char program[4096], commit[64];
	struct capture c;
	struct spec s;
	int ret;

	assert_int_equal(spec_parse(&s, &catalog, text), 0);
	strcpy(s.control, control);
	capture_begin(&c, 2);
	ret = spec_build(&s, &catalog, 0, program, commit);
	capture_end(&c);
	if (says)
		assert_says(&c, says);
	else if (strstr(c.text, "in its place"))
		fail_msg("%s", c.text);
	if (!ret)
		assert_int_equal(access(program, X_OK), 0);
	return ret;
}

// Nothing that make or a compiler says tells a commit's fault from the machine's: what is known to
// build does.
static void a_commit_is_blamed_only_while_another_builds(void **state)
{
	char control[64], bad[64], path[256];

	(void)state;
	git("tag", "known", "HEAD");
	put("broken", "");
	git("add", "broken", "--");
	git("commit", "-qm", "third");
	git("tag", "bad", "HEAD");
	git("rm", "-q", "broken");
	git("commit", "-qm", "fourth");
	git("tag", "mended", "HEAD");
	assert_int_equal(spec_resolve_revision(root, "known", control), 0);
	assert_int_equal(spec_resolve_revision(root, "bad", bad), 0);

	put("build/full", "");
	assert_int_equal(build_at("default@bad", control, "the machine is at fault"), -EIO);
	assert_int_equal(build_at("default@mended", control, "the machine is at fault"), -EIO);
	snprintf(path, sizeof(path), "%s/build/full", root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(build_at("default@mended", control, NULL), 0);

	put("build/little", ""); // used up by the control
	assert_int_equal(build_at("other@bad", control, "the machine is at fault"), -EIO);
	assert_int_equal(unlink(path), 0);

	put("build/once", ""); // it passes by itself
	assert_int_equal(build_at("other@mended", control, "in its place"), 0);

	assert_int_equal(build_at("default@bad", control, "in its place"), -EINVAL);
	assert_int_equal(build_at("default@bad", control, NULL), -EINVAL); // known by now
	assert_int_equal(build_at("other@bad", control, "in its place"), -EINVAL);
	snprintf(path, sizeof(path), "%s/build/revisions/%s-control", root, bad);
	assert_int_equal(access(path, F_OK), -1);

	assert_int_equal(build_at("other@known", "", NULL), 0);
	snprintf(path, sizeof(path), "build/revisions/%s/build/spoiled", control);
	put(path, ""); // by a build that was cut off
	assert_int_equal(build_at("other@known", control, "in its place"), 0);
}

// A work tree that is somewhere else than its name says is made anew.
static void a_revision_is_built_from_its_own_tree(void **state)
{
	char known[64], dir[256], at[64];
	const char *const move[] = {"git", "-C", dir, "checkout", "-q", "--detach", "HEAD~1", NULL};

	(void)state;
	assert_int_equal(spec_resolve_revision(root, "known", known), 0);
	assert_int_equal(build_at("other@known", "", NULL), 0);
	snprintf(dir, sizeof(dir), "%s/build/revisions/%s", root, known);
	assert_int_equal(process_run(move, PROCESS_HERE, NULL, 20000, NULL), 0);
	assert_int_equal(build_at("other@known", "", NULL), 0);
	assert_int_equal(git_read_revision(root, dir, at), 0);
	assert_string_equal(at, known);
}

static void without_git_it_is_said(void **state)
{
	char program[4096], commit[64], from[128], to[128];
	struct capture c;
	struct spec s;

	(void)state;
	snprintf(from, sizeof(from), "%s/.git", root);
	snprintf(to, sizeof(to), "%s/.gone", root);
	assert_int_equal(spec_parse(&s, &catalog, "other"), 0);
	assert_int_equal(rename(from, to), 0);
	for (int i = 0; i < 2; i++) {
		capture_begin(&c, 2);
		assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);
		capture_end(&c);
		assert_string_equal(commit, "unknown");
		assert_int_equal(!!strstr(c.text, "recorded as 'unknown'"), !i); // once
	}
	assert_int_equal(rename(to, from), 0);
}

static void builds_what_is_replayed(void **state)
{
	char program[4096], commit[64];
	struct capture c;
	struct spec s;

	(void)state;
	assert_int_equal(spec_parse(&s, &catalog, "ring=spare"), 0);
	assert_int_equal(spec_build_replay(&s, &catalog, program, commit), 0);
	assert_non_null(strstr(program, "/tunnels/ring=spare/wgbench-replay"));
	assert_int_equal(access(program, X_OK), 0);
	capture_begin(&c, 2);
	assert_int_equal(spec_parse(&s, &catalog, "ring=old@v1"), 0);
	assert_int_equal(spec_build_replay(&s, &catalog, program, commit), -EINVAL);
	capture_end(&c);
	assert_says(&c,
	            "ring=old@v1: this revision is older than wgbench-replay: give a later one");
}

static void external_tunnels_are_found_or_the_remedy_is_said(void **state)
{
	struct text reason = {0};
	char program[4096], commit[64], *path = strdup(getenv("PATH"));
	struct spec s;

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(spec_parse(&s, &catalog, "wireguard-go"), 0);
	assert_false(spec_available(&s, &catalog, &reason));
	assert_non_null(strstr(text_string(&reason), "make external"));
	put("build/external/wireguard-go/usr/bin/wireguard-go", "");
	snprintf(program, sizeof(program), "%s/build/external/wireguard-go/usr/bin/wireguard-go",
	         root);
	assert_int_equal(chmod(program, 0755), 0);
	assert_true(spec_available(&s, &catalog, &reason));
	assert_int_equal(spec_build(&s, &catalog, 0, program, commit), 0);
	assert_non_null(strstr(program, "build/external/wireguard-go"));
	assert_string_equal(commit, "");
	setenv("PATH", path, 1);
	free(path);
	text_free(&reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(catalog_is_what_lies_in_the_folders),
	    cmocka_unit_test(names_are_canonical),
	    cmocka_unit_test(revisions_have_words_of_their_own),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(presets_must_be_whole),
	    cmocka_unit_test(root_is_checked),
	    cmocka_unit_test(builds_the_tree_and_a_revision),
	    cmocka_unit_test(builds_what_is_replayed),
	    cmocka_unit_test(a_commit_is_blamed_only_while_another_builds),
	    cmocka_unit_test(a_revision_is_built_from_its_own_tree),
	    cmocka_unit_test(without_git_it_is_said),
	    cmocka_unit_test(external_tunnels_are_found_or_the_remedy_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
