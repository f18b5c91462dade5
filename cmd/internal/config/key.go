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
	heading string // the same, of the keys from this one on; empty: none
	secret  bool   // not to be printed
	fileKey string // the key of the same table that names a file with the secret; empty: none
	live    bool   // a change takes effect without a restart

	file  func() string         // returns the path of that file, empty if the config names none
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

// asSecretOr marks a key whose value is not to be printed, and which can be in a
// file that another key of the table names, with its path in the field.
func (k key) asSecretOr(fileKey string, path *string) key {
	k.secret, k.fileKey = true, fileKey
	k.file = func() string { return *path }
	return k
}

// fromFile returns the path of the file that the key's value is in, or nothing.
func (k key) fromFile() string {
	if k.file == nil {
		return ""
	}
	return k.file()
}

// asLive marks a key that can change without a restart.
func (k key) asLive() key {
	k.live = true
	return k
}
