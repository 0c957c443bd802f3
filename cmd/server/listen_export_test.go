package main

// Listen answers requests on a listener until its context ends.
var Listen = listen
