# Google Kubernetes Engine: private nodes, network policies enforced in the kernel (Dataplane V2), pods that are service
# accounts (workload identity), and a pool of nodes for each kind of work.

resource "google_container_cluster" "this" {
  project             = var.project
  name                = var.name
  location            = var.location
  deletion_protection = var.deletion_protection
  resource_labels     = var.labels

  network           = var.network
  subnetwork        = var.subnetwork
  networking_mode   = "VPC_NATIVE"
  datapath_provider = "ADVANCED_DATAPATH"
  ip_allocation_policy {
    cluster_secondary_range_name  = var.pods_range
    services_secondary_range_name = var.services_range
  }

  # The nodes are those of the pools below; Google makes this one first and it is removed.
  remove_default_node_pool = true
  initial_node_count       = 1
  node_config {
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = var.private_endpoint
    master_ipv4_cidr_block  = var.control_plane_cidr
  }
  # Present even when empty: without it every address could ask the API server.
  master_authorized_networks_config {
    gcp_public_cidrs_access_enabled = false
    dynamic "cidr_blocks" {
      for_each = var.authorized_networks
      content {
        display_name = cidr_blocks.key
        cidr_block   = cidr_blocks.value
      }
    }
  }

  release_channel {
    channel = var.release_channel
  }
  maintenance_policy {
    recurring_window {
      start_time = var.maintenance.start_time
      end_time   = var.maintenance.end_time
      recurrence = var.maintenance.recurrence
    }
  }

  enable_shielded_nodes = true
  enable_legacy_abac    = false
  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }
  # Nobody who has not logged in, and not every Google account either, is bound to a role.
  rbac_binding_config {
    enable_insecure_binding_system_authenticated   = false
    enable_insecure_binding_system_unauthenticated = false
  }
  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }
  binary_authorization {
    evaluation_mode = var.binary_authorization == "off" ? "DISABLED" : "PROJECT_SINGLETON_POLICY_ENFORCE"
  }
  dynamic "database_encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      state    = "ENCRYPTED"
      key_name = database_encryption.value
    }
  }
  security_posture_config {
    mode               = "BASIC"
    vulnerability_mode = "VULNERABILITY_BASIC"
  }

  # The Gateway API's definitions come with KServe, pinned (manifests/); Google's would fight with them.
  gateway_api_config {
    channel = "CHANNEL_DISABLED"
  }
  cost_management_config {
    enabled = true
  }
  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
  }
  # Metrics of workloads are read by Fairlead's own Prometheus.
  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS"]
    managed_prometheus {
      enabled = false
    }
  }

  lifecycle {
    ignore_changes = [node_config]
  }
}

resource "google_container_node_pool" "this" {
  for_each = var.pools
  project  = var.project
  cluster  = google_container_cluster.this.id
  name     = each.key
  # For each zone; the autoscaler goes on from there to its limits, which are for all zones together.
  initial_node_count = min(1, each.value.min_nodes)

  autoscaling {
    total_min_node_count = each.value.min_nodes
    total_max_node_count = each.value.max_nodes
    location_policy      = each.value.spot ? "ANY" : "BALANCED"
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }
  network_config {
    enable_private_nodes = true
  }

  node_config {
    machine_type    = each.value.machine_type
    disk_size_gb    = each.value.disk_gb
    disk_type       = "pd-balanced"
    image_type      = "COS_CONTAINERD"
    spot            = each.value.spot
    service_account = google_service_account.nodes.email
    # What the account may do is decided by its roles alone.
    oauth_scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    tags         = [local.node_tag]
    labels       = { "fairlead.dev/pool" = each.key }
    metadata     = { disable-legacy-endpoints = "true" }

    dynamic "taint" {
      for_each = each.value.tainted ? ["NO_SCHEDULE"] : []
      content {
        key    = "fairlead.dev/pool"
        value  = each.key
        effect = taint.value
      }
    }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    # Pods see their own identity, never the node's.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
    kubelet_config {
      insecure_kubelet_readonly_port_enabled = "FALSE"
      pod_pids_limit                         = 4096
    }
    gvnic {
      enabled = true
    }
  }

  lifecycle {
    ignore_changes = [initial_node_count]
  }
}

locals {
  node_tag = "${var.name}-node"
}

# The nodes' own account: logs and metrics out, images in (the registry grants that), nothing else.
resource "google_service_account" "nodes" {
  project      = var.project
  account_id   = "${var.name}-nodes"
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = "serviceAccount:${google_service_account.nodes.email}"
}

# The API server reaches nodes on 443 and 10250 by itself. Elsewhere listen the admission webhooks of KServe and KEDA (9443)
# and of Knative and Kubeflow Pipelines (8443), and KEDA's metrics (6443).
resource "google_compute_firewall" "webhooks" {
  project       = var.project
  name          = "${var.name}-webhooks"
  network       = var.network
  direction     = "INGRESS"
  source_ranges = [var.control_plane_cidr]
  target_tags   = [local.node_tag]

  allow {
    protocol = "tcp"
    ports    = ["6443", "8443", "9443"]
  }
}

# One policy for the project: images from elsewhere are refused (or, to begin with, only written to the audit log).
resource "google_binary_authorization_policy" "this" {
  count                         = var.binary_authorization == "off" ? 0 : 1
  project                       = var.project
  global_policy_evaluation_mode = "ENABLE"

  dynamic "admission_whitelist_patterns" {
    for_each = var.allowed_images
    content {
      name_pattern = admission_whitelist_patterns.value
    }
  }
  default_admission_rule {
    evaluation_mode  = "ALWAYS_DENY"
    enforcement_mode = var.binary_authorization == "enforce" ? "ENFORCED_BLOCK_AND_AUDIT_LOG" : "DRYRUN_AUDIT_LOG_ONLY"
  }
}
