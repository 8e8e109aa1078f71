# Plots over the blocks of a run. harness/show/plot.c also sets blocks, and $data: block, y, contaminated.
load scripts . '/style.gp'
set xlabel 'block'
set xrange [0.5 : blocks + 0.5]
if (blocks <= 20) set xtics 1
clean(y, contaminated) = contaminated == 0 ? y : NaN
marked(y, contaminated) = contaminated == 0 ? NaN : y
