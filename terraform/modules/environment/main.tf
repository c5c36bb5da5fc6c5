# One environment, all of it: the modules, wired. What environments differ in are this module's variables.

data "google_project" "this" {
  project_id = var.project
}

locals {
  labels = merge({ app = "fairlead", environment = var.environment, managed-by = "terraform" }, var.labels)
  name   = "fairlead-${var.environment}"
  keys   = var.own_keys ? module.encryption[0].keys : {}

  # Same namespaces and service accounts as manifests/ and kserve/ have.
  workloads = {
    mlflow = {
      namespace       = "mlflow"
      service_account = "mlflow"
      buckets         = { mlflow = "write" }
    }
    # Steps of pipelines, under the account that Kubeflow Pipelines brings.
    pipelines = {
      namespace       = "kubeflow"
      service_account = "pipeline-runner"
      buckets         = { pipelines = "write", bundles = "write", data = "read" }
    }
    # Model servers, and what fetches a bundle before they start.
    serving = {
      namespace       = "models"
      service_account = "fairlead-serving"
      buckets         = { bundles = "read" }
    }
    monitoring = {
      namespace       = "models"
      service_account = "fairlead-monitoring"
      buckets         = { bundles = "read" }
    }
    # Asks the cluster and Prometheus alone: an account without a role, so that its pods are nobody else.
    rollout = {
      namespace       = "models"
      service_account = "fairlead-rollout"
      buckets         = {}
    }
    feast = {
      namespace       = "features"
      service_account = "feast"
      buckets         = { features = "read" }
    }
    materialize = {
      namespace       = "features"
      service_account = "feast-materialize"
      buckets         = { features = "write", data = "read" }
    }
  }

  # Where the cloud overlays' images come from, and those of what they stand on. Binary Authorization refuses others.
  upstream_images = [
    "docker.io/kserve/*",
    "docker.io/otel/*",
    "docker.io/grafana/*",
    "gcr.io/cloud-sql-connectors/*",
    "gcr.io/knative-releases/**",
    "ghcr.io/kedacore/*",
    "ghcr.io/kubeflow/**",
    "quay.io/argoproj/*",
    "quay.io/jetstack/*",
    "quay.io/prometheus/*",
    "quay.io/prometheus-operator/*",
    "quay.io/strimzi/*",
  ]
}

resource "google_project_service" "this" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "binaryauthorization.googleapis.com",
    "cloudkms.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "containersecurity.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "redis.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
  ])
  project = var.project
  service = each.key
  # Others in the project may use it too.
  disable_on_destroy = false
}

module "encryption" {
  source         = "../encryption"
  count          = var.own_keys ? 1 : 0
  project        = var.project
  project_number = data.google_project.this.number
  name           = local.name
  region         = var.region
  depends_on     = [google_project_service.this]
}

module "network" {
  source     = "../network"
  project    = var.project
  name       = local.name
  region     = var.region
  depends_on = [google_project_service.this]
}

module "storage" {
  source        = "../storage"
  project       = var.project
  prefix        = var.project
  location      = var.region
  force_destroy = !var.protected
  kms_key       = lookup(local.keys, "storage", null)
  labels        = local.labels
  buckets = {
    bundles   = { old_versions_days = 365 }
    mlflow    = { old_versions_days = 90 }
    pipelines = { delete_after_days = var.run_artifacts_days }
    features  = {}
    data      = { old_versions_days = 365, nearline_after_days = 90 }
  }
  depends_on = [google_project_service.this]
}

module "cluster" {
  source               = "../cluster"
  project              = var.project
  name                 = local.name
  location             = var.highly_available ? var.region : var.zone
  network              = module.network.network
  subnetwork           = module.network.subnetwork
  pods_range           = module.network.pods_range
  services_range       = module.network.services_range
  private_endpoint     = var.private_endpoint
  authorized_networks  = var.authorized_networks
  release_channel      = var.release_channel
  pools                = var.pools
  binary_authorization = var.binary_authorization
  allowed_images       = concat(["ghcr.io/fairlead/*", "${module.registry.images}/*"], local.upstream_images, var.allowed_images)
  kms_key              = lookup(local.keys, "cluster", null)
  deletion_protection  = var.protected
  labels               = local.labels
}

module "registry" {
  source     = "../registry"
  project    = var.project
  location   = var.region
  name       = local.name
  kms_key    = lookup(local.keys, "registry", null)
  readers    = { nodes = module.cluster.nodes_account }
  writers    = module.identity.ci == null ? {} : { ci = module.identity.ci.account }
  labels     = local.labels
  depends_on = [google_project_service.this]
}

module "identity" {
  source        = "../identity"
  project       = var.project
  prefix        = local.name
  workload_pool = module.cluster.workload_pool
  buckets       = module.storage.buckets
  workloads     = local.workloads
  github        = var.github
  depends_on    = [google_project_service.this]
}

module "database" {
  source              = "../database"
  project             = var.project
  name                = local.name
  region              = var.region
  network             = module.network.managed
  postgres            = var.postgres
  redis_memory_gb     = var.redis_memory_gb
  users               = { mlflow = module.identity.accounts["mlflow"] }
  highly_available    = var.highly_available
  deletion_protection = var.protected
  postgres_kms_key    = lookup(local.keys, "database", null)
  redis_kms_key       = lookup(local.keys, "redis", null)
  labels              = local.labels
}
