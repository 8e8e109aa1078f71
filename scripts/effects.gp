# The candidate's paired effect in each block. Also set: candidate, its number; gate; bounded with low and high; estimated
# with effect.
load scripts . '/blocks.gp'
if (bounded) set object 1 rectangle from graph 0, first low to graph 1, first high \
	behind fillstyle solid 0.18 noborder fillcolor rgb '#888888'
effect_line(x) = estimated ? effect : NaN
plot gate with lines lt 1 dt 2 lc rgb '#888888' title sprintf('threshold: %g %%', gate), \
     -gate with lines lt 1 dt 2 lc rgb '#888888' notitle, \
     0 with lines lt 1 lc rgb '#444444' notitle, \
     effect_line(x) with lines lw 2 lc rgb '#444444' title 'estimate, band: 95 %', \
     $data using 1:(clean($2, $3)) with points pt filled(candidate) ps 0.7 lt candidate title 'a block', \
     $data using 1:(marked($2, $3)) with points pt hollow(candidate) ps 0.7 lt candidate title 'hollow: contaminated'
