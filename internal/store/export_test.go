package store

import "wxlogin/internal/auth"

// Sealer shows the seal to tests that need thousands of seals and no database.
type Sealer struct{ *sealer }

func NewSealer(ring auth.Keyring) (Sealer, error) {
	s, err := newSealer(ring)
	return Sealer{s}, err
}

func (s Sealer) Seal(text auth.Secret, place string) string {
	sealed, _ := s.seal(text, place)
	return sealed
}

func (s Sealer) Open(sealed, place string) (auth.Secret, error) { return s.open(sealed, place) }

// KeepNoVisits makes every visit a read of the database.
func (s *Store) KeepNoVisits() { s.visits = newVisits(nil) }
