package main

import "reflect"

// Main is the program.
var Main = main

// What tunes the garbage collector.
var (
	LimitFor = limitFor
	InUse    = inUse
	TuneGC   = tuneGC
)

// Setting is what the struct of settings says about one of them.
type Setting struct {
	Name, Variable, Default, Help string
	Secret                        bool
}

// Settings are all of them, in their order.
func Settings() []Setting {
	var all []Setting
	of := reflect.TypeFor[settings]()
	for i := range of.NumField() {
		if !of.Field(i).IsExported() {
			continue
		}
		tag := of.Field(i).Tag
		_, secret := tag.Lookup("secret")
		all = append(all, Setting{
			Name: tag.Get("name"), Variable: variableOf(tag.Get("name")),
			Default: tag.Get("default"), Help: tag.Get("help"), Secret: secret,
		})
	}
	return all
}

// Idleness is idleness.
type Idleness struct{ idleness }

// Over is over.
func (i *Idleness) Over(allocated uint64) bool { return i.over(allocated) }
