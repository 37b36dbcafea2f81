// What the stand-ins write down, one line for each event, for whoever loads libcudart and asks (see cudart.c).
#pragma once
void trace(const char *format, ...);
