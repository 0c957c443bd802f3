package store_test

import (
	"os"
	"testing"

	"wxlogin/internal/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
