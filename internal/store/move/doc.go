// Package move copies a SQLite database into PostgreSQL, row by row, and checks that all
// of it has arrived.
//
// It does not know what the rows mean, which keys there are, or how the service was
// stopped; of the tables it knows which refer to others and which every database fills by
// itself.
package move
