package config

// table is one table of the file.
type table struct {
	name    string
	comment string
	keys    []key
}

// key is the declaration of one key, bound to a field of one Config.
type key struct {
	name    string
	comment string // lines for the example, without the leading "# "
	secret  bool   // not to be printed
	live    bool   // a change takes effect without a restart

	reset func()                // sets the default
	read  func(value any) error // validates a TOML value and sets it
	value func() any            // returns the field as a TOML value
}

// declare binds a key to a field, with its default.
func declare[T any](name string, field *T, def T, k kind[T], comment string) key {
	return key{
		name:    name,
		comment: comment,
		reset:   func() { *field = def },
		read: func(value any) error {
			v, err := k.decode(value)
			if err != nil {
				return err
			}
			*field = v
			return nil
		},
		value: func() any { return k.encode(*field) },
	}
}

// asSecret marks a key whose value is not to be printed.
func (k key) asSecret() key {
	k.secret = true
	return k
}

// asLive marks a key that can change without a restart.
func (k key) asLive() key {
	k.live = true
	return k
}
