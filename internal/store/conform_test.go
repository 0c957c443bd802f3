package store_test

import (
	"testing"

	"wxlogin/compat/record"
)

// TestConform holds every engine to the same promises: those of auth.Store, of
// admin.Store and of this package's own documentation.
func TestConform(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			name := map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}[e.name]
			record.Of(t, record.Databases, name, versionOf(t, e), "all promises")
			conform(t, e)
		})
	}
}

func conform(t *testing.T, e engine) {
	for _, group := range []map[string]func(*world){loginPromises, sessionPromises, sessionCapPromises, listPromises, searchPromises, narrowPromises, duePromises, rollupPromises, adminPromises, personalDataPromises, scanPromises, historyPromises, tokenPromises, picturePromises, racePromises, clockPromises, grantPromises, identityPromises, joinPromises, credentialPromises, proposalPromises, accountPromises, everyListPromises, linkPromises, undoPromises, movedPromises, followerPromises, accountMigrationPromises} {
		for name, promise := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				promise(newWorld(t, e))
			})
		}
	}
}
