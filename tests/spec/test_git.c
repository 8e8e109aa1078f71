// Which revision a tree is at, whatever the caller's world says of git; on trees made for the test.
#include "harness/spec/git.h"
#include "harness/spec/parse.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

static char *here;
static char base[64], tree[96], commit[64];

static void run(const char *script)
{
	const char *const argv[] = {"sh", "-ec", script, "sh", tree, base, NULL};
	struct process_text text;

	if (process_run(argv, PROCESS_HERE, NULL, 20000, &text))
		fail_msg("%s: %s", script, text.err);
	process_text_free(&text);
}

// In the tree, by a shell. $1: the tree, $2: the folder above.
#define IN_TREE(script) run("cd \"$1\"; " script)

static int set_up(void **state)
{
	(void)state;
	unsetenv("WGBENCH_ROOT");
	strcpy(base, "/tmp/wgbench-test-XXXXXX");
	here = spec_find_root();
	if (!here || !mkdtemp(base))
		return -1;
	snprintf(tree, sizeof(tree), "%s/tree", base);
	run("git init -q \"$1\"; cd \"$1\"; mkdir ring sub build; echo a >ring/a.c; echo b "
	    ">ring/b.h;"
	    "echo /build/ >.gitignore; git add .; git config user.name t; git config user.email "
	    "t@t;"
	    "git commit -qm first");
	assert_int_equal(git_read_revision(here, tree, commit), 0);
	assert_int_equal(strlen(commit), 40);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(base, synthetic_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void assert_revision(const char *wanted)
{
	char revision[64];

	assert_int_equal(git_read_revision(here, tree, revision), 0);
	assert_string_equal(revision, wanted);
	assert_int_equal(git_is_at(here, tree, commit), !strcmp(wanted, commit));
}

static void assert_dirty(void)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), "%s-dirty", commit);
	assert_revision(wanted);
}

static void what_is_built_beside_the_commit_makes_a_tree_dirty(void **state)
{
	(void)state;
	assert_revision(commit);
	IN_TREE("echo c >build/x.c; echo n >notes; echo n >ring/a.c~; touch ring/a.c");
	assert_revision(commit);
	IN_TREE("echo c >ring/c.c");
	assert_dirty();
	IN_TREE("echo c.c >.git/info/exclude"); // make takes it all the same
	assert_dirty();
	IN_TREE("rm ring/c.c; mkdir -p own/deep; git init -q own; echo c >own/deep/c.cc");
	assert_dirty();
	IN_TREE("rm -r own; echo all: >GNUmakefile");
	assert_dirty();
	IN_TREE("rm GNUmakefile .git/info/exclude; echo c >ring/c.c; git add -N ring/c.c");
	assert_dirty();
	IN_TREE("git rm -qf ring/c.c");
	assert_revision(commit);
	IN_TREE("echo changed >>ring/a.c");
	assert_dirty();
}

static void changes_that_git_was_told_not_to_see_do_too(void **state)
{
	(void)state;
	IN_TREE("git update-index --assume-unchanged ring/a.c ring/b.h");
	assert_revision(commit);
	IN_TREE("echo changed >>ring/b.h");
	assert_dirty();
	IN_TREE("git update-index --no-assume-unchanged ring/a.c ring/b.h; git checkout -q .;"
	        "git update-index --skip-worktree ring/a.c; rm ring/a.c"); // a sparse checkout
	assert_revision(commit);
	IN_TREE("echo other >ring/a.c");
	assert_dirty();
}

// As in a hook of another repository.
static void another_repository_has_no_say(void **state)
{
	char other[128];

	(void)state;
	run("git init -q \"$2/other\"; cd \"$2/other\"; git config user.name t;"
	    "git config user.email t@t; git commit -q --allow-empty -m other");
	snprintf(other, sizeof(other), "%s/other/.git", base);
	setenv("GIT_DIR", other, 1);
	setenv("GIT_WORK_TREE", base, 1);
	setenv("GIT_INDEX_FILE", "/nonexistent", 1);
	assert_revision(commit);
	unsetenv("GIT_DIR");
	unsetenv("GIT_WORK_TREE");
	unsetenv("GIT_INDEX_FILE");
	// Nor one that the tree happens to lie in.
	run("mv \"$2/other/.git\" \"$2/.git\"; rm -rf \"$1/.git\"");
	assert_revision("unknown");
	assert_int_not_equal(git_run(tree, (const char *const[]){"rev-parse", "HEAD", NULL}, NULL),
	                     0);
}

static void the_users_options_have_none(void **state)
{
	char home[128];
	const char *before = getenv("HOME");
	char *kept = before ? strdup(before) : NULL;
	struct process_text text;

	(void)state;
	IN_TREE("echo >ring/\xc3\xa9.c; git add .; git commit -qm second");
	assert_int_equal(git_read_revision(here, tree, commit), 0);
	run("mkdir \"$2/home\"; cd \"$2/home\"; mkdir hooks; echo '*.c' >ignored;"
	    "printf '#!/bin/sh\\nexit 1\\n' >fails; chmod +x fails; cp fails hooks/post-checkout;"
	    "export HOME=\"$2/home\"; c() { git config --global \"$@\"; };"
	    "c core.excludesFile \"$2/home/ignored\"; c core.hooksPath \"$2/home/hooks\";"
	    "c core.fsmonitor \"$2/home/fails\"; c diff.external \"$2/home/fails\";"
	    "c color.ui always; c core.autocrlf true; c core.quotePath true;"
	    "c diff.ignoreSubmodules all; c core.pager false; c core.checkStat minimal");
	snprintf(home, sizeof(home), "%s/home", base);
	setenv("HOME", home, 1);
	assert_revision(commit);
	IN_TREE("echo c >ring/c.c");
	assert_dirty();
	IN_TREE("rm ring/c.c");
	assert_int_equal(
	    git_run(tree,
	            (const char *const[]){"ls-tree", "-r", "--name-only", "HEAD", "ring/", NULL},
	            &text),
	    0);
	assert_string_equal(text.out, "ring/a.c\nring/b.h\nring/\xc3\xa9.c\n");
	process_text_free(&text);
	assert_int_equal(git_run(tree,
	                         (const char *const[]){"worktree", "add", "-q", "--detach",
	                                               "build/other", "HEAD", NULL},
	                         NULL),
	                 0);
	run("! grep -q '\r' \"$1/build/other/ring/a.c\"");
	if (kept)
		setenv("HOME", kept, 1);
	free(kept);
}

// A replaced commit has the name of one and the contents of another.
static void a_commit_is_what_its_name_says(void **state)
{
	struct process_text text;

	(void)state;
	IN_TREE("git commit -q --allow-empty -m second; git commit -q --allow-empty -m third;"
	        "git replace HEAD HEAD~2");
	assert_int_equal(
	    git_run(tree, (const char *const[]){"rev-list", "--count", "HEAD", NULL}, &text), 0);
	assert_string_equal(text.out, "3\n");
	process_text_free(&text);
}

static void assert_refused(const char *words)
{
	char revision[64] = "untouched";
	struct capture c;

	capture_begin(&c, 2);
	assert_true(git_read_revision(here, tree, revision) < 0);
	capture_end(&c);
	assert_says(&c, words);
	assert_string_equal(revision, "untouched");
	assert_false(git_is_at(here, tree, commit));
}

static void gits_own_words_are_shown(void **state)
{
	struct capture c;

	(void)state;
	IN_TREE("mv .git/objects .git/gone");
	assert_refused("not a git repository");
	IN_TREE("mv .git/gone .git/objects; cp .git/index .git/kept; echo bad >.git/index");
	assert_refused("index file");
	IN_TREE("mv .git/kept .git/index; git checkout -q --orphan none");
	assert_refused("Needed a single revision");
	IN_TREE("git checkout -qf master 2>/dev/null || git checkout -qf main");
	assert_revision(commit);
	capture_begin(&c, 2);
	assert_int_equal(spec_resolve_revision(tree, "frob", (char[64]){0}), -EINVAL);
	capture_end(&c);
	assert_says(&c, "unknown revision 'frob'");
	if (geteuid())
		return; // who can't give a tree away
	run("chown -R 1000:1000 \"$1\"");
	unsetenv("SUDO_UID");
	assert_refused("git config --global --add safe.directory");
	capture_begin(&c, 2);
	assert_int_equal(spec_resolve_revision(tree, "HEAD", (char[64]){0}), -EIO);
	capture_end(&c);
	assert_says(&c, "dubious ownership");
}

static void a_shallow_clone_is_named(void **state)
{
	struct capture c;

	(void)state;
	IN_TREE(
	    "git commit -q --allow-empty -m second; git clone -q --depth 1 \"file://$1\" \"$2/s\";"
	    "rm -rf \"$1\"; mv \"$2/s\" \"$1\"");
	capture_begin(&c, 2);
	assert_int_equal(spec_resolve_revision(tree, "HEAD~1", (char[64]){0}), -EINVAL);
	capture_end(&c);
	assert_says(&c, "a shallow clone: git fetch --unshallow");
}

int main(void)
{
#define IN_A_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    IN_A_TREE(what_is_built_beside_the_commit_makes_a_tree_dirty),
	    IN_A_TREE(changes_that_git_was_told_not_to_see_do_too),
	    IN_A_TREE(another_repository_has_no_say),
	    IN_A_TREE(the_users_options_have_none),
	    IN_A_TREE(a_commit_is_what_its_name_says),
	    IN_A_TREE(gits_own_words_are_shown),
	    IN_A_TREE(a_shallow_clone_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
