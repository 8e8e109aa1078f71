# Rates inside a trial: each tunnel's median and deciles over its trials. Also set: tunnels, name[], and
# $data: seconds, median, low, high.
load scripts . '/style.gp'
set xlabel 's into the trial'
set yrange [0 : *]
set xrange [0 : *]
set style fill transparent solid 0.15 noborder
plot for [t = 1 : tunnels] $data index t - 1 using 1:3:4 with filledcurves lt t notitle, \
     for [t = 1 : tunnels] $data index t - 1 using 1:2 with linespoints lt t lw 1.5 pt filled(t) ps 0.4 \
	title name[t]
