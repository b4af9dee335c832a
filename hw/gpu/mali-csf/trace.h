#include "trace/trace-hw_gpu_mali_csf.h"
