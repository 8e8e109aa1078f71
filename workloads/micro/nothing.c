#include "workloads/micro/nothing.h"

void micro_nothing(void *context)
{
	(void)context;
}
