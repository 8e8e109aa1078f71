#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// As both conventions have it: an empty variable counts as none.
static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool terminal_rewrites(FILE *to)
{
	return isatty(fileno(to)) && is_set("TERM") && strcmp(getenv("TERM"), "dumb");
}

bool terminal_has_colours(FILE *to)
{
	if (is_set("NO_COLOR"))
		return false;
	if (is_set("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0"))
		return true;
	return terminal_rewrites(to) && !(is_set("CLICOLOR") && !strcmp(getenv("CLICOLOR"), "0"));
}

unsigned terminal_columns(FILE *to)
{
	enum { FEWEST = 20, MOST = 1000, USUAL = 100 };
	struct winsize size;
	const char *named = getenv("COLUMNS");
	unsigned long columns = 0;

	if (isatty(fileno(to)) && !ioctl(fileno(to), TIOCGWINSZ, &size))
		columns = size.ws_col;
	else if (named)
		columns = strtoul(named, NULL, 10);
	return columns >= FEWEST && columns <= MOST ? columns : USUAL;
}
