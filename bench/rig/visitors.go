package rig

// Visitors returns the numbers of the people whose sessions a load uses. They are spread
// evenly over all people, so that their rows are far apart.
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

// IsBlocked reports whether Fill blocks a person.
func IsBlocked(n int) bool { return n%200 == 150 }

// Consents reports whether a person has ever allowed their profile. A person who has not is
// asked again at every login.
func Consents(n int) bool { return n%25 != 3 && n%25 != 9 && n%25 != 15 && n%25 != 21 }
