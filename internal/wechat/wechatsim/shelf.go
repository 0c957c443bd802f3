package wechatsim

// shelf is a map of limited size that keeps the order of insertion; the oldest item falls
// off.
type shelf[T any] struct {
	limit int
	items map[string]T
	order []string
}

func newShelf[T any](limit int) shelf[T] {
	return shelf[T]{limit: limit, items: make(map[string]T)}
}

// put adds or replaces an item. It returns the key that fell off, or "".
func (s *shelf[T]) put(key string, item T) (dropped string) {
	if _, known := s.items[key]; !known {
		s.order = append(s.order, key)
	}
	s.items[key] = item
	if len(s.order) > s.limit {
		dropped = s.order[0]
		s.order = s.order[1:]
		delete(s.items, dropped)
	}
	return dropped
}

func (s *shelf[T]) get(key string) (T, bool) {
	item, ok := s.items[key]
	return item, ok
}

// all returns the items, oldest first.
func (s *shelf[T]) all() []T {
	list := make([]T, 0, len(s.order))
	for _, key := range s.order {
		list = append(list, s.items[key])
	}
	return list
}
