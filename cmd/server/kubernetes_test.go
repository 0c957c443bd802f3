package main_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"wxlogin/internal/wechat/wechatsim"
)

// manifest is what the tests look at in one document of the Kubernetes example.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name, Namespace string }
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		Replicas int
		Selector yaml.Node
		Ports    []struct {
			Name       string
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
}

type podSpec struct {
	TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
		RunAsUser    int  `yaml:"runAsUser"`
	} `yaml:"securityContext"`
	Containers []struct {
		Args    []string
		EnvFrom []struct {
			ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
			SecretRef    struct{ Name string } `yaml:"secretRef"`
		} `yaml:"envFrom"`
		Ports []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		StartupProbe    probe `yaml:"startupProbe"`
		LivenessProbe   probe `yaml:"livenessProbe"`
		ReadinessProbe  probe `yaml:"readinessProbe"`
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct{ Drop []string }
		} `yaml:"securityContext"`
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func readManifests(t *testing.T) map[string]manifest {
	t.Helper()
	all := make(map[string]manifest)
	documents := yaml.NewDecoder(bytes.NewReader([]byte(readFile(t, "../../examples/kubernetes/wxlogin.yml"))))
	for {
		var m manifest
		err := documents.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.Metadata.Name != "wxlogin" || m.Metadata.Namespace != "wxlogin" || m.APIVersion == "" {
			t.Errorf("a %s is called %s/%s", m.Kind, m.Metadata.Namespace, m.Metadata.Name)
		}
		all[m.Kind] = m
	}
}

// The manifest for Kubernetes has two replicas with probes and without rights, and
// its parts fit each other and the image.
func TestKubernetesManifest(t *testing.T) {
	all := readManifests(t)
	deployment := all["Deployment"].Spec
	pod := deployment.Template.Spec
	container := pod.Containers[0]
	if deployment.Replicas != 2 || all["Secret"].StringData["WXLOGIN_KEYS"] == "" || pod.TerminationGracePeriodSeconds < 20 {
		t.Error("it is not two replicas with common keys and time to stop")
	}
	if !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.RunAsUser != 65532 || !container.SecurityContext.ReadOnlyRootFilesystem ||
		!slices.Equal(container.SecurityContext.Capabilities.Drop, []string{"ALL"}) ||
		container.SecurityContext.AllowPrivilegeEscalation == nil || *container.SecurityContext.AllowPrivilegeEscalation {
		t.Error("the container has rights that it does not need")
	}
	if container.EnvFrom[0].ConfigMapRef.Name != "wxlogin" || container.EnvFrom[1].SecretRef.Name != "wxlogin" {
		t.Error("the settings do not reach the container")
	}
	if all["Service"].Spec.Ports[0].TargetPort != container.Ports[0].Name || container.Ports[0].ContainerPort != 8007 {
		t.Error("the Service does not reach the port that the image listens on")
	}
	var selector struct{ App string }
	selects := all["Service"].Spec.Selector
	if err := selects.Decode(&selector); err != nil || selector.App == "" || selector.App != deployment.Template.Metadata.Labels["app"] {
		t.Errorf("the Service selects %q, %v", selector.App, err)
	}

	// The settings are the program's: it starts with them. The addresses of the
	// database and of WeChat are this machine's here, and the keys real ones.
	sim := wechatsim.New(wechatsim.Config{})
	var variables []string
	for _, kind := range []string{"ConfigMap", "Secret"} {
		for name, value := range all[kind].Data {
			variables = append(variables, name+"="+value)
		}
		for name, value := range all[kind].StringData {
			variables = append(variables, name+"="+value)
		}
	}
	keys := runs(t, nil, "keygen")
	keys.wantExit(0)
	service, address := startService(t, sim, "http://127.0.0.1:1", "", append(variables,
		"WXLOGIN_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "wxlogin.db"), "WXLOGIN_KEYS="+keys.stdout.text(), "WXLOGIN_METRICS_ADDR=127.0.0.1:0",
		// What Kubernetes adds when enableServiceLinks is left out.
		"WXLOGIN_SERVICE_HOST=10.96.131.7", "WXLOGIN_PORT=tcp://10.96.131.7:80", "WXLOGIN_PORT_80_TCP_ADDR=10.96.131.7")...)
	for name, p := range map[string]probe{"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
		// The kubelet calls by the pod's address.
		res, err := http.Get("http://" + address + p.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK || p.HTTPGet.Port != "http" {
			t.Errorf("the %s probe asks %s of the port %s and gets %d", name, p.HTTPGet.Path, p.HTTPGet.Port, res.StatusCode)
		}
	}
	service.terminate()
	service.wantExit(0)
}
