# How many took longer: each tunnel's delays. Also set: tunnels, name[], and $data: delay in µs, share
# in percent.
load scripts . '/style.gp'
set offsets 0, 0, 0, 0
set xlabel 'µs'
set logscale xy
set grid xtics ytics lt 1 lw 0.5 lc rgb '#dddddd'
set format y '%g %%'
set yrange [* : 100]
plot for [t = 1 : tunnels] $data index t - 1 using 1:2 with steps lt t lw 1.5 title name[t]
