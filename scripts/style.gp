# What the plots share. harness/show/plot.c sets plot_title and y_label.
if (!exists("plot_height")) plot_height = 300
set terminal svg size 760,plot_height dynamic noenhanced font 'sans-serif,12' background '#ffffff'
set datafile missing NaN
set title plot_title
set ylabel y_label
set border 3 lc rgb '#888888'
set tics nomirror out
set grid ytics lt 1 lw 0.5 lc rgb '#dddddd'
set key outside right top Left reverse
set offsets 0, 0, graph 0.08, graph 0.08
# Okabe and Ito's colours: told apart by colour-blind readers too.
set linetype 1 lc rgb '#0072b2'
set linetype 2 lc rgb '#d55e00'
set linetype 3 lc rgb '#009e73'
set linetype 4 lc rgb '#cc79a7'
set linetype 5 lc rgb '#e69f00'
set linetype 6 lc rgb '#56b4e9'
set linetype cycle 6
# A tunnel's marker, like its colour, is the same in every plot: circle, square, triangle, diamond,
# triangle downwards.
array markers[5] = [7, 5, 9, 13, 11]
filled(t) = markers[(t - 1) % 5 + 1]
hollow(t) = filled(t) - 1
