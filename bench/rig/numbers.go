package rig

import (
	"slices"
	"time"
)

// Median is the middle one, or the mean of the two in the middle; 0 for none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Quantile is the value that the share q of all does not exceed; the nearest
// rank, so it is one that was measured. 0 for none.
func Quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(q*float64(len(sorted)) + .999999)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Medians gathers one number of many rounds.
func Medians[T any](rounds []T, of func(T) float64) float64 {
	var values []float64
	for _, round := range rounds {
		values = append(values, of(round))
	}
	return Median(values)
}
