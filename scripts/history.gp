# Each series' medians over time, bars: 95 %. Also set: series, name[], $data with an index for each
# series: time, median, low, high; and $changes: time, median of the first point after one.
plot_height = 300 + 18 * (series + 1)
load scripts . '/style.gp'
set key below left maxcols 1
set timefmt '%s'
set xdata time
set format x "%m-%d\n%H:%M"
set offsets graph 0.04, graph 0.04, graph 0.08, graph 0.08
plot for [s = 1 : series] $data index s - 1 using 1:2:3:4 with yerrorbars ps 0 lt s notitle, \
     for [s = 1 : series] $data index s - 1 using 1:2 with linespoints pt 7 ps 0.7 lw 1.5 lt s \
	title name[s], \
     $changes using 1:2 with points pt 6 ps 1.8 lw 1.5 lc rgb '#d00000' title 'change, unacknowledged'
