package settings

import "reflect"

// Setting is what the struct of settings says about one of them.
type Setting struct {
	Name, Variable, Default, Help string
	Secret                        bool
}

// All are all of them, in their order.
func All() []Setting {
	var all []Setting
	of := reflect.TypeFor[Settings]()
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

// Variables are the names of all settings, with the _FILE forms.
func Variables() []string { return variableNames() }
