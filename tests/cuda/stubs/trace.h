// What the stand-ins write down, one line for each event, for whoever loads libcudart and asks (see cudart.c).
#pragma once
void trace(const char *format, ...);
// Writes a launch down; an error if it shall fail.
int stub_launch(const char *what, void *stream);
