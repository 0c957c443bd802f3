package main

// TZ works where there is no list of time zones, as in the image.
import _ "time/tzdata"
