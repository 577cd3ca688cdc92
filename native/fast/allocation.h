/* The C type of allocation, beside Core. */
#ifndef AW_FAST_ALLOCATION_H
#define AW_FAST_ALLOCATION_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern PyType_Spec allocation_spec;

#endif
