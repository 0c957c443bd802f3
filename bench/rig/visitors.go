package rig

// Visitors are the numbers of the people whose sessions a load uses: spread
// evenly over everybody who is stored, so that their rows stand far apart.
func Visitors(people, visitors int) []int {
	visitors = min(people, visitors)
	numbers := make([]int, visitors)
	for i := range numbers {
		numbers[i] = i * people / visitors
	}
	return numbers
}

func (f *filler) isVisitor(n int) bool {
	v := min(f.people, f.visitors)
	i := (n*v + f.people - 1) / f.people // the first visitor whose number is not below n
	return i < v && i*f.people/v == n
}

// IsBlocked says whether Fill blocks a person.
func IsBlocked(n int) bool { return n%200 == 150 }

// Consents says whether a person has ever allowed their profile. One who has not is
// asked again at every login.
func Consents(n int) bool { return n%25 != 3 && n%25 != 9 && n%25 != 15 && n%25 != 21 }
