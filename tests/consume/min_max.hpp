// The macros min and max as <windows.h>, R.h and Arduino.h define them. The standard library comes first: libstdc++
// undefines both in the first of its headers and takes no such macro behind it.
#pragma once

#include <bits/stdc++.h>

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
