package rig

import (
	"slices"
	"time"
)

// Median returns the median; 0 for no values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Quantile returns the q-quantile by the nearest rank, so that it is one of the values; 0 for
// no values.
func Quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(q*float64(len(sorted)) + .999999)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Medians returns the median of one number of all rounds.
func Medians[T any](rounds []T, of func(T) float64) float64 {
	var values []float64
	for _, round := range rounds {
		values = append(values, of(round))
	}
	return Median(values)
}
