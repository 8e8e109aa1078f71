# A sweep of microbenchmarks: each variant's time over a parameter. Also set: x_label, x_greatest,
# log_x and log_y (0 or 1), variants, name[], and $data with an index for each variant: x, median,
# least, greatest.
load scripts . '/style.gp'
set xlabel x_label
set xrange [*:*] noextend
set yrange [*:*] noextend
if (log_x) set logscale x; set format x '%.0s%c'
if (!log_x && x_greatest <= 16) set xtics 1
if (log_y) set logscale y; set format y '%.0s%c'; else set yrange [0:*]
set offsets graph 0.04, graph 0.04, graph 0.08, graph (log_y ? 0.08 : 0)
set grid xtics ytics lt 1 lw 0.5 lc rgb '#dddddd'
plot for [v = 1 : variants] $data index v - 1 using 1:3:4 with filledcurves \
	fillstyle transparent solid 0.18 noborder lt v notitle, \
     for [v = 1 : variants] $data index v - 1 using 1:2 \
	with linespoints pt 7 ps 0.7 lw 1.5 lt v title name[v]
