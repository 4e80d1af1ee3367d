# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of atarnet.homelab.lab_plan; the work is done on the controller by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_plan
short_description: Compile the input into the lab plan
version_added: 0.1.0
description:
  - Checks all C(homelab_*) variables against their specs, against each other, against the inventory and against the
    lock of artifacts, and compiles them into one plan that every role reads.
  - Refuses the input with all of its problems at once; each names the key, the value, the reason and the fix.
  - Runs on the controller only and asks no host anything.
extends_documentation_fragment:
  - atarnet.homelab._attributes
attributes:
  diff_mode:
    support: N/A
    details: Nothing is ever changed.
  platform:
    details: Runs on the controller; the hosts are not contacted.
author:
  - atarnet (@atarnet)
seealso:
  - module: atarnet.homelab.host_probe
options: {}
"""

EXAMPLES = r"""
- name: Compile the lab plan
  atarnet.homelab.lab_plan:
  register: validate_result
  run_once: true

- name: Show where the API is reached
  ansible.builtin.debug:
    msg: "{{ validate_result.plan.endpoint.host }}:{{ validate_result.plan.endpoint.port }}"
"""

RETURN = r"""
plan:
  description: The lab plan.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the lab.
      type: str
      sample: home
    domain:
      description: Internal DNS domain of the hosts.
      type: str
      sample: lab.home.arpa
    endpoint:
      description: Host name and port of the Kubernetes API.
      type: dict
      sample: {host: api.lab.home.arpa, port: 6443}
    prefixes:
      description: The networks of nodes, pods and Services.
      type: dict
      sample: {node: 192.168.20.0/24, pod: 10.244.0.0/16, service: 10.96.0.0/16}
    cluster_domain:
      description: DNS domain inside the cluster.
      type: str
      sample: cluster.local
    dns_address:
      description: Address of the cluster's DNS Service.
      type: str
      sample: 10.96.0.10
    cluster_dns:
      description:
        - The zones that the cluster's DNS asks other servers for (C(ADDRESS) or C(ADDRESS:PORT)), first those of the
          plan's own.
      type: dict
      sample: {zones: [{names: [lab.home.arpa], servers: [192.168.20.12]}]}
    kubernetes:
      description: Version, configuration overlays, ignored preflight checks and cgroup driver.
      type: dict
      sample:
        version: 1.36.4
        kubelet_config: {}
        kube_proxy_config: {}
        preflight_ignore: []
        cgroup_driver: systemd
    cni:
      description: Pod network engine and backend.
      type: dict
      sample: {engine: flannel, backend: vxlan}
    timezone:
      description: Time zone of every host.
      type: str
      sample: UTC
    time_sync:
      description: Whether the hosts keep their own clock.
      type: bool
      sample: true
    time_servers:
      description: NTP servers.
      type: list
      elements: str
      sample: []
    kernel_modules:
      description: Kernel modules loaded on every node.
      type: list
      elements: str
      sample: [overlay, br_netfilter, nft_queue]
    hardware:
      description:
        - For each host that the hardware layer has something for, its wanted disks and ports as given, and C(updates)
          with enabled and reboot_at (HH:MM, or empty for no reboot), null where updates are left alone.
      type: dict
      sample: {node1: {disks: [], ports: {enp1s0: 1000}, updates: {enabled: true, reboot_at: "03:00"}}}
    containerd_runtime_config:
      description: Further scalar keys of containerd's CRI runtime plugin.
      type: dict
      sample: {}
    kubeconfig:
      description: Path on the controller of the administrator's kubeconfig.
      type: str
      sample: /home/me/.kube/home.conf
    nodes:
      description: The nodes by name; C(minimum_memory) is in MiB.
      type: dict
      sample:
        node1:
          name: node1
          fqdn: node1.lab.home.arpa
          address: 192.168.20.11
          role: control_plane
          minimum_memory: 1700
    control_planes:
      description: Names of the control planes, in the order of the input.
      type: list
      elements: str
      sample: [node1]
    workers:
      description: Names of the workers, in the order of the input.
      type: list
      elements: str
      sample: [node2, node3]
    pod_nodes:
      description: Names of the nodes that pods of apps run on; the workers, or the control planes when there are none.
      type: list
      elements: str
      sample: [node2, node3]
    hosts_entries:
      description: Lines of every node's hosts file.
      type: list
      elements: dict
      sample:
        - address: 192.168.20.11
          names: [node1.lab.home.arpa, node1, api.lab.home.arpa]
    artifacts:
      description: Files to install by name; URLs are in the order they are tried.
      type: dict
      sample:
        runc:
          version: 1.4.3
          sources:
            amd64:
              urls: ["https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.amd64"]
              sha256: f6ae8efc0fa40079e1475e97cbe9d1bd3f106a28d6af78a11d9f1bd565515e60
    images:
      description: Container image references by name.
      type: dict
      sample: {pause: "registry.k8s.io/pause:3.10.2"}
    charts:
      description: Helm charts by name, with the addresses to fetch from in order.
      type: dict
      sample:
        metallb:
          name: metallb
          repositories: ["https://metallb.github.io/metallb"]
          version: 0.16.1
          digest: fb06bb584fcb7856f15733b2a6a2aff5b61b5c350687e341c163ae24a5938adc
    manifests:
      description: Files of Kubernetes objects by name, with the addresses to fetch from in order.
      type: dict
      sample:
        traefik_crds:
          name: traefik_crds
          urls: ["https://example.org/crds.yml"]
          sha256: 132c57f044e82fdb157f9c83d25c798dabb75a76b63ea9f77b34902a642f87f8
    ingress:
      description: The controller that serves the routes, its address and settings; null when there is none.
      type: dict
      sample: {provider: traefik, address: 192.168.20.200, nginx_config: {}}
    routes:
      description:
        - What the routes compile to for that controller, C(objects) in the order in which they are applied, Secrets
          among them; C(hosts) tells of each host which route it is, whether the internet reaches it, and who issues
          its certificate. Null when there is no controller.
      type: dict
      sample:
        provider: traefik
        objects: []
        hosts: {shop.example.org: {route: shop, public: false, tls: true, issuer: internal}}
    policies:
      description:
        - The namespaces of apps in which all is denied that nothing allows, and the C(objects) that make it so, as
          M(atarnet.homelab.kube_apply) takes them; the namespaces themselves are among them.
      type: dict
      sample: {namespaces: [shop], objects: []}
    certificates:
      description:
        - Who issues certificates. C(objects) are the issuers in the order in which they are applied; C(kept) are the
          Secrets that are kept in C(folder) of the controller, with the issuer where they have a certificate of one.
          Null when nobody asks for a certificate.
      type: dict
      sample:
        objects: []
        resolvers: ["1.1.1.1:53", "9.9.9.9:53"]
        ports: {tcp: [53, 80, 443], udp: [53]}
        folder: /home/me/.kube/home.certificates
        kept: [{namespace: cert-manager, name: internal-ca, issuer: self-signed}]
    storage:
      description:
        - Where volumes are. C(hosts) are the folders of tiers on each node, and those at which a disk must be mounted;
          C(paths) is the provisioner's own configuration of them; C(objects) are the classes, and what libraries are
          made of. Null when nothing is asked for.
      type: dict
      sample:
        provider: local-path
        marker: .homelab-tier
        tiers: [ssd]
        hosts: {w1: {folders: [/srv/ssd], mounts: [/srv/ssd]}}
        paths: [{node: w1, paths: [/srv/ssd/volumes]}]
        objects: []
    backup:
      description:
        - Where volumes are backed up to and when. C(repository) names the files of the nodes that have what is secret;
          C(hosts) is what the engine of each node is told besides;
          C(not_saved) is by claim, why it is not backed up; C(forget) is the command for who removes old backups, where
          the nodes may not; C(elsewhere) is the copy, null where there is to be none. Null when nothing is asked for.
      type: dict
      sample:
        repository:
          url: rest:https://backup.example.org/home
          password_file: /etc/homelab-backup/password
          environment_file: /etc/homelab-backup/environment
          ca_file: ""
        metrics_file: /run/homelab-backup/homelab_backup.prom
        ca: ""
        append_only: false
        schedule: "*-*-* 03:00:00"
        rehearsal: Sun *-*-1..7 05:00:00
        keep: {daily: 7, weekly: 4, monthly: 6}
        forget: ""
        elsewhere: null
        hosts:
          w1:
            tiers: [{name: ssd, folder: /srv/ssd/volumes, marker: .homelab-tier}]
            volumes: []
            hooks: []
            leave_out: [media/cache]
            makes_repository: true
            keep: {daily: 7, weekly: 4, monthly: 6}
        not_saved: {media/cache: homelab_backup.leave_out names it}
    alerts:
      description:
        - Alerts of what fills up and of backups, as a file of rules for Prometheus has them. Every target that is
          scraped has the label C(node), the name of the node in the plan.
      type: dict
      sample:
        groups:
          - name: homelab-tiers
            rules:
              - alert: HomelabTierReadOnly
                expr: node_filesystem_readonly{node=~"w1",mountpoint="/srv/ssd"} == 1
                for: 1m
                labels: {severity: critical, tier: ssd}
                annotations: {summary: Tier ssd of a node is read-only, description: How it is mended.}
    registry_mirrors:
      description: Base URLs asked first, by registry host.
      type: dict
      sample: {}
    network:
      description: The network as C(homelab_network) has it; null when it is not planned.
      type: dict
      contains:
        prefixes:
          description: The networks of pods and Services.
          type: dict
          sample: {pods: 10.244.0.0/16, services: 10.96.0.0/16}
        controllers:
          description: Where controllers may come from besides the management segment.
          type: list
          elements: str
          sample: [192.168.10.5]
        segments:
          description: The segments by name; C(pool) and C(dhcp) are null when there is none.
          type: dict
          sample:
            users:
              vlan: 50
              prefix: 192.168.50.0/24
              purpose: users
              gateway: 192.168.50.254
              mtu: 1500
              pool: null
              dhcp: null
        hosts:
          description:
            - The hosts by name, nodes of the cluster too. C(home) is the segment of the default route.
            - C(firewall) is the body of the host's own nftables table, what stands in C(table inet homelab).
          type: dict
          sample:
            node1:
              addresses: {cluster: 192.168.20.11}
              node: true
              router: false
              dns: false
              port: ""
              native: ""
              home: cluster
              firewall: "set allowed { ... } chain input { ... }"
        services:
          description: The services by name, the built-in ones first.
          type: dict
          sample: {ingress: {addresses: [192.168.30.200], ports: [tcp/443]}}
        flows:
          description:
            - One entry a pair of source and target; the built-in ones too. C(ports) may be C(any).
            - C(targets) is empty for C(internet), which is every address outside of the plan.
          type: list
          elements: dict
          sample:
            - from: users
              to: ingress
              ports: [tcp/443]
              action: allow
              why: homelab_network.flows[0]
              sources: [192.168.50.0/24]
              targets: [192.168.30.200]
        matrix:
          description:
            - By source (a segment, or C(pods)), target (a segment, or C(internet)) and service, the verdict and why.
            - The verdict is C(allow), C(deny), or C(partly) when it depends on the address or port.
          type: dict
          sample: {users: {services: {ingress: {verdict: allow, why: "router gw: users -> ingress"}}}}
        pools:
          description: Ranges that load balancers give out.
          type: list
          elements: dict
          sample:
            - name: services
              first: 192.168.30.200
              last: 192.168.30.239
              segment: services
        policies:
          description:
            - The NetworkPolicies that a namespace of apps begins with, without a namespace, as the objects of
              M(atarnet.homelab.kube_apply).
          type: list
          elements: dict
          sample:
            - apiVersion: networking.k8s.io/v1
              kind: NetworkPolicy
              metadata: {name: homelab-deny}
              spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
        dns:
          description: Names below C(homelab_domain) with their addresses; hosts, gateways and the API.
          type: dict
          sample: {domain: lab.home.arpa, records: {nas.lab.home.arpa: [192.168.30.5]}}
"""
