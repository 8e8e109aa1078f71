// Text from elsewhere (a record, a program, a command line) on its way into an output: one function
// for each kind of output, and nothing else writes such text there. Characters that a reader cannot
// see or that move a cursor are written out: control characters (C1 too), text direction, what is
// not UTF-8: \n, \x1b, \u{202e}.
#ifndef WGBENCH_BASE_QUOTE_H
#define WGBENCH_BASE_QUOTE_H

#include <stddef.h>
#include <stdio.h>

// For a terminal, and wherever nothing has a meaning of its own.
void quote_text(FILE *, const char *text);

// How many columns quote_text() takes.
size_t quote_width(const char *text);

// A line for a terminal: what the arguments bring is written as quote_text() does. Newlines may
// only begin or end the format.
void quote_printf(FILE *, const char *format, ...) __attribute__((format(printf, 2, 3)));

// As quote_text(), but newlines stay: for what is read line by line. A new text.
char *quote_lines(const char *text);

// The content of HTML, SVG and their attributes.
void quote_html(FILE *, const char *text);

// Part of a paragraph, a heading or a table's cell: no markup comes of it.
void quote_markdown(FILE *, const char *text);

// A string of gnuplot, with its quotes.
void quote_gnuplot(FILE *, const char *text);

// A word of a shell (bash, for words with control characters).
void quote_shell(FILE *, const char *word);

// A field of RFC 4180. Newlines stay.
void quote_csv(FILE *, const char *text);

// A label's value for OpenMetrics, with its quotes.
void quote_label(FILE *, const char *text);

// A word that is another one for every text: %XX for the bytes of hidden characters, of blanks
// beyond ASCII, of '%', and of those in `also`.
void quote_word(FILE *, const char *text, const char *also);

// A file's name: letters, digits, '.', '_', '-'; what else there is becomes '-'. Not unique.
void quote_file_name(char *name, size_t bytes, const char *text);

#endif
