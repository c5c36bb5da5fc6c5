mock_provider "google" {
  source = "../../mocks"
}

variables {
  project = "acme-fairlead"
  name    = "fairlead-dev"
  region  = "europe-west1"
}

run "nodes_reach_out_and_nothing_reaches_in" {
  command = plan

  assert {
    condition     = google_compute_network.this.auto_create_subnetworks == false
    error_message = "The network makes subnetworks of its own in every region."
  }
  assert {
    condition     = google_compute_subnetwork.cluster.private_ip_google_access
    error_message = "Private nodes cannot reach Google's own services."
  }
  assert {
    condition     = google_compute_router_nat.this.source_subnetwork_ip_ranges_to_nat == "LIST_OF_SUBNETWORKS" && length(google_compute_router_nat.this.subnetwork) == 1
    error_message = "The way out is for more than the cluster's subnetwork."
  }
  assert {
    condition     = [for r in google_compute_subnetwork.cluster.secondary_ip_range : r.range_name] == ["pods", "services"]
    error_message = "The subnetwork lacks its ranges for pods and Services, in the order that the outputs take."
  }
}

run "managed_databases_get_the_range_that_was_asked_for" {
  command = plan
  variables {
    managed_cidr = "10.200.0.0/22"
  }

  assert {
    condition     = google_compute_global_address.managed.address == "10.200.0.0" && google_compute_global_address.managed.prefix_length == 22
    error_message = "The range is ${google_compute_global_address.managed.address}/${google_compute_global_address.managed.prefix_length}."
  }
  assert {
    condition     = google_compute_global_address.managed.address_type == "INTERNAL" && google_compute_global_address.managed.purpose == "VPC_PEERING"
    error_message = "The range is not one for peering."
  }
}

run "too_small_ranges_are_refused" {
  command = plan
  variables {
    nodes_cidr    = "10.0.0.0/28"
    pods_cidr     = "10.16.0.0/24"
    services_cidr = "10.4.0.0"
    managed_cidr  = "10.8.0.0/29"
  }
  expect_failures = [var.nodes_cidr, var.pods_cidr, var.services_cidr, var.managed_cidr]
}
