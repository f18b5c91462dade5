package daemon

import (
	"keeptrack/cmd/internal/certificates"
	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/listen"
	"keeptrack/tracker/http"
)

// ReadCertificate reads the files of https.certificate and https.key; without HTTPS or
// such files it returns nil. The error names the key and the file at fault.
func ReadCertificate(c *config.HTTPS) (*certificates.Pair, error) {
	if len(c.Listen) == 0 || c.Certificate == "" {
		return nil, nil
	}
	return certificates.ReadFiles(c.Certificate, c.Key)
}

// bindChallenges binds the addresses at which an authority is answered over HTTP.
func bindChallenges(d *Daemon) (*listen.Listeners, error) {
	c := &d.config.HTTPS
	if !c.UsesACME() {
		return new(listen.Listeners), nil
	}
	return d.binder.Streams("https.acme_listen", config.OverTCP(c.ACMEListen))
}

// makeCertificates makes what gives certificates to the listeners at.
func (d *Daemon) makeCertificates(at, challenges *listen.Listeners) (certificates.Source, error) {
	c := &d.config.HTTPS
	if c.UsesACME() {
		return certificates.NewACME(certificates.ACMEOptions{
			Domains:   c.ACMEDomains,
			Email:     c.ACMEEmail,
			Directory: c.ACMEDirectory,
			Folder:    d.database + ".acme",
			Listeners: challenges.All(),
			TLS:       at.All(),
			Version:   d.opts.Version,
			Log:       d.log,
			ErrorLog:  http.ErrorLog(d.log),
		}), nil
	}
	pair, err := ReadCertificate(c)
	if err != nil {
		return nil, d.asReader(err)
	}
	d.certificate = certificates.NewFiles(c.Certificate, c.Key, pair, d.log)
	return d.certificate, nil
}

var (
	metricHandshakes          = counter("https_handshakes_total", "TLS handshakes completed.")
	metricHandshakeFailures   = counter("https_handshake_failures_total", "TLS handshakes that failed.", "reason")
	metricCertificateExpiry   = gauge("https_certificate_expiry_timestamp_seconds", "Unix time when the certificate of a name expires; 0 while there is none.", "name")
	metricCertificateFailures = counter("https_certificate_failures_total", "Failures to read a certificate or to obtain one from the authority. Both are tried again.")
)

// collectTLS sends the metrics that HTTPS alone has.
func collectTLS(s *http.Stats, c certificates.Source, send sender) {
	send(metricHandshakes, float64(s.Handshakes))
	for reason, n := range s.HandshakeFailures {
		send(metricHandshakeFailures, float64(n), http.HandshakeFailure(reason).String())
	}
	for name, expiry := range c.Expiries() {
		send(metricCertificateExpiry, unixSeconds(expiry), name)
	}
	send(metricCertificateFailures, float64(c.Failures()))
}
