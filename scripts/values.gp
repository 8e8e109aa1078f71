# Each tunnel's value in each block. Also set: tunnels, name[].
load scripts . '/blocks.gp'
set yrange [0 : *]
plot for [t = 1 : tunnels] $data index t - 1 using 1:(clean($2, $3)) \
	with points pt filled(t) ps 0.7 lt t notitle, \
     for [t = 1 : tunnels] $data index t - 1 using 1:(marked($2, $3)) \
	with points pt hollow(t) ps 0.7 lt t notitle, \
     for [t = 1 : tunnels] keyentry with points pt filled(t) ps 0.7 lt t title name[t], \
     keyentry with points pt hollow(1) ps 0.7 lt 1 title 'hollow: contaminated'
