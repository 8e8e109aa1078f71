# The candidate's paired effect in each block. Also set: gate; bounded with low and high; estimated
# with effect.
load scripts . '/blocks.gp'
if (bounded) set object 1 rectangle from graph 0, first low to graph 1, first high \
	behind fillstyle solid 0.18 noborder fillcolor rgb '#0072b2'
effect_line(x) = estimated ? effect : NaN
plot gate with lines lt 1 dt 2 lc rgb '#888888' title sprintf('threshold: %g %%', gate), \
     -gate with lines lt 1 dt 2 lc rgb '#888888' notitle, \
     0 with lines lt 1 lc rgb '#444444' notitle, \
     effect_line(x) with lines lt 1 lw 2 title 'estimate, band: 95 %', \
     $data using 1:(clean($2, $3)) with points pt 7 ps 0.7 lt 2 title 'a block', \
     $data using 1:(marked($2, $3)) with points pt 6 ps 0.7 lt 2 title 'hollow: contaminated'
