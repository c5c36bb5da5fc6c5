mock_provider "google" {
  source = "../../mocks"
}

variables {
  project        = "acme-fairlead"
  name           = "fairlead-dev"
  location       = "europe-west1-b"
  network        = "projects/acme-fairlead/global/networks/fairlead-dev"
  subnetwork     = "projects/acme-fairlead/regions/europe-west1/subnetworks/fairlead-dev-cluster"
  pods_range     = "pods"
  services_range = "services"
  allowed_images = ["ghcr.io/fairlead/*"]
  pools = {
    system   = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 3 }
    serving  = { machine_type = "e2-standard-2", min_nodes = 0, max_nodes = 2 }
    training = { machine_type = "e2-standard-8", min_nodes = 0, max_nodes = 2, spot = true, tainted = true }
  }
}

run "nothing_outside_reaches_the_nodes" {
  command = plan

  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes && alltrue([for p in google_container_node_pool.this : p.network_config[0].enable_private_nodes])
    error_message = "Nodes have public addresses."
  }
  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "The API server has a public address although nobody asked for one."
  }
  assert {
    condition     = length(google_container_cluster.this.master_authorized_networks_config) == 1 && google_container_cluster.this.master_authorized_networks_config[0].gcp_public_cidrs_access_enabled == false && length(google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks) == 0
    error_message = "The API server can be reached from elsewhere than the named ranges."
  }
  assert {
    condition     = google_compute_firewall.webhooks.source_ranges == toset(["172.16.0.0/28"]) && one(google_compute_firewall.webhooks.allow).ports == tolist(["6443", "8443", "9443"])
    error_message = "More than the control plane reaches the webhooks, or other ports are open."
  }
}

run "pods_have_an_identity_of_their_own" {
  command = plan

  assert {
    condition     = google_container_cluster.this.workload_identity_config[0].workload_pool == "acme-fairlead.svc.id.goog"
    error_message = "There is no workload identity."
  }
  assert {
    condition     = alltrue([for p in google_container_node_pool.this : p.node_config[0].workload_metadata_config[0].mode == "GKE_METADATA"])
    error_message = "Pods can take the node's identity."
  }
  assert {
    condition     = google_project_iam_member.nodes.role == "roles/container.defaultNodeServiceAccount"
    error_message = "Nodes may do more than write logs and metrics."
  }
}

run "the_cluster_is_hardened" {
  command = plan

  assert {
    condition     = google_container_cluster.this.enable_shielded_nodes && alltrue([for p in google_container_node_pool.this : p.node_config[0].shielded_instance_config[0].enable_secure_boot])
    error_message = "Nodes boot what nobody signed."
  }
  assert {
    condition     = google_container_cluster.this.datapath_provider == "ADVANCED_DATAPATH"
    error_message = "Network policies are not enforced."
  }
  assert {
    condition     = google_container_cluster.this.enable_legacy_abac == false && google_container_cluster.this.master_auth[0].client_certificate_config[0].issue_client_certificate == false
    error_message = "There is a way in beside RBAC and Google's accounts."
  }
  assert {
    condition     = alltrue([for p in google_container_node_pool.this : p.node_config[0].kubelet_config[0].insecure_kubelet_readonly_port_enabled == "FALSE"])
    error_message = "The kubelet answers anybody."
  }
  assert {
    condition     = google_container_cluster.this.release_channel[0].channel == "REGULAR" && alltrue([for p in google_container_node_pool.this : p.management[0].auto_upgrade && p.management[0].auto_repair])
    error_message = "Security fixes do not come by themselves."
  }
  assert {
    condition     = google_container_cluster.this.deletion_protection
    error_message = "The cluster can be deleted although nobody said so."
  }
}

run "training_runs_on_spot_nodes_that_nothing_else_lands_on" {
  command = plan

  assert {
    condition     = { for name, p in google_container_node_pool.this : name => p.node_config[0].spot } == { system = false, serving = false, training = true }
    error_message = "Serving or the system may be evicted at any time, or training costs the full price."
  }
  assert {
    condition = { for name, p in google_container_node_pool.this : name => [for t in p.node_config[0].taint : "${t.key}=${t.value}:${t.effect}"] } == {
      system = [], serving = [], training = ["fairlead.dev/pool=training:NO_SCHEDULE"]
    }
    error_message = "Taints are not those that the steps tolerate (fairlead.dev/pool=training:NoSchedule)."
  }
  assert {
    condition     = alltrue([for name, p in google_container_node_pool.this : p.node_config[0].labels["fairlead.dev/pool"] == name])
    error_message = "Nodes do not carry the name of their pool."
  }
  assert {
    condition     = google_container_node_pool.this["training"].autoscaling[0].total_min_node_count == 0
    error_message = "Nodes for training stand idle."
  }
}

run "images_from_elsewhere_are_noticed" {
  command = plan

  assert {
    condition     = google_binary_authorization_policy.this[0].default_admission_rule[0].evaluation_mode == "ALWAYS_DENY" && google_binary_authorization_policy.this[0].default_admission_rule[0].enforcement_mode == "DRYRUN_AUDIT_LOG_ONLY"
    error_message = "Images from elsewhere are let in unseen, or refused although only audit was asked for."
  }
  assert {
    condition     = [for p in google_binary_authorization_policy.this[0].admission_whitelist_patterns : p.name_pattern] == ["ghcr.io/fairlead/*"]
    error_message = "Other images are let in than those that were named."
  }
}

run "images_from_elsewhere_are_refused_when_asked_for" {
  command = plan
  variables {
    binary_authorization = "enforce"
  }

  assert {
    condition     = google_binary_authorization_policy.this[0].default_admission_rule[0].enforcement_mode == "ENFORCED_BLOCK_AND_AUDIT_LOG" && google_container_cluster.this.binary_authorization[0].evaluation_mode == "PROJECT_SINGLETON_POLICY_ENFORCE"
    error_message = "Images from elsewhere run."
  }
}

run "secrets_are_encrypted_with_the_key_that_is_given" {
  command = plan
  variables {
    kms_key = "projects/p/locations/l/keyRings/r/cryptoKeys/cluster"
  }

  assert {
    condition     = google_container_cluster.this.database_encryption[0].state == "ENCRYPTED" && google_container_cluster.this.database_encryption[0].key_name == var.kms_key
    error_message = "Secrets are not encrypted with the key."
  }
}

run "bad_values_are_refused" {
  command = plan
  variables {
    name                 = "Fairlead"
    control_plane_cidr   = "172.16.0.0/24"
    authorized_networks  = { all = "0.0.0.0/0" }
    release_channel      = "UNSPECIFIED"
    binary_authorization = "yes"
    allowed_images       = ["*"]
  }
  expect_failures = [var.name, var.control_plane_cidr, var.authorized_networks, var.release_channel, var.binary_authorization, var.allowed_images]
}

run "a_missing_pool_is_refused" {
  command = plan
  variables {
    pools = { system = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 3 } }
  }
  expect_failures = [var.pools]
}

run "spot_nodes_without_a_taint_are_refused" {
  command = plan
  variables {
    pools = {
      system   = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 3 }
      serving  = { machine_type = "e2-standard-2", min_nodes = 0, max_nodes = 2, spot = true }
      training = { machine_type = "e2-standard-8", min_nodes = 0, max_nodes = 2 }
    }
  }
  expect_failures = [var.pools]
}

run "a_system_pool_that_may_be_empty_is_refused" {
  command = plan
  variables {
    pools = {
      system   = { machine_type = "e2-standard-4", min_nodes = 0, max_nodes = 3 }
      serving  = { machine_type = "e2-standard-2", min_nodes = 0, max_nodes = 2 }
      training = { machine_type = "e2-standard-8", min_nodes = 0, max_nodes = 2 }
    }
  }
  expect_failures = [var.pools]
}
