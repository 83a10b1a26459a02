# Computes what the decision rests on a second time, independently, in base R and, over machines, metafor:
#
#     Rscript scripts/check_decision.R
#
# reads tests/analysis/samples/*.csv and writes r_decision.csv beside them, which the Python tests compare with. Limits
# are found with uniroot, likelihoods from the determinant of the covariance, trimmed means with mean(trim =).

samples <- "tests/analysis/samples"
level <- 0.05 / 3
rows <- list()
put <- function(value, ...) rows[[length(rows) + 1]] <<- data.frame(figure = paste(..., sep = "|"), value = value)

candidates <- function(n) {
  lag <- abs(outer(seq_len(n), seq_len(n), "-"))
  grid <- expand.grid(share = c(1, 0.5), rho = c(0.3, 0.6, 0.9))
  remembering <- Map(function(share, rho) share * rho^lag + (1 - share) * diag(n), grid$share, grid$rho)
  list(matrices = c(list(diag(n)), remembering), prior = c(0.5, rep(0.5 / 6, 6)))
}

# Restricted likelihood of a constant mean with the variance profiled out, as in nlme::gls(method = "REML").
reml <- function(z, correlation) {
  one <- rep(1, length(z))
  information <- drop(t(one) %*% solve(correlation, one))
  mean <- drop(t(one) %*% solve(correlation, z)) / information
  squares <- drop(t(z - mean) %*% solve(correlation, z - mean))
  log_det <- as.numeric(determinant(correlation)$modulus)
  c(-0.5 * log_det - 0.5 * log(information) - (length(z) - 1) / 2 * log(squares), squares)
}

mixture <- function(z, kept = length(z)) {
  n <- length(z)
  known <- candidates(n)
  found <- sapply(known$matrices, function(m) reml(z, m))
  weights <- known$prior * exp(found[1, ] - max(found[1, ]))
  of_mean <- sapply(known$matrices, sum) / n^2
  shrink <- n * (n - 1) / (kept * (kept - 1))
  list(weights = weights / sum(weights), scales = sqrt(found[2, ] / (n - 1) * of_mean * shrink), df = kept - 1)
}

tail_of <- function(m, x) sum(m$weights * 2 * pt(-abs(x) / m$scales, m$df))
half_of <- function(m) uniroot(function(x) tail_of(m, x) - level, c(0, 1e3 * max(m$scales)), tol = 1e-14)$root

report <- function(name, estimate, m) {
  put(estimate, name, "estimate")
  put(tail_of(m, estimate), name, "p")
  put(half_of(m), name, "half_width")
  put(1 - m$weights[1], name, "memory")
}

for (set in c("blocked", "tied", "study")) {
  metric <- if (set == "study") "energy_total_j" else "energy_j"
  runs <- read.csv(file.path(samples, paste0(set, ".csv")))
  for (names in combn(sort(unique(runs$treatment)), 2, simplify = FALSE)) {
    both <- merge(runs[runs$treatment == names[1], ], runs[runs$treatment == names[2], ], by = "iteration")
    both <- both[order(both$iteration), ]
    x <- both[[paste0(metric, ".x")]]
    y <- both[[paste0(metric, ".y")]]
    z <- y / mean(y) - x / mean(x)
    report(paste(set, names[1], names[2], "bill", sep = "|"), log(mean(y) / mean(x)), mixture(z))
    d <- log(y / x)
    cut <- if (length(d) < 8) 0 else floor(0.2 * length(d))
    s <- sort(d)
    winsorised <- pmin(pmax(d, s[cut + 1]), s[length(d) - cut])
    trimmed <- mean(d, trim = if (cut) 0.2 else 0)
    report(paste(set, names[1], names[2], "usual", sep = "|"), trimmed, mixture(winsorised, length(d) - 2 * cut))
  }
}

# Of one treatment: the mean on the log scale, and order statistics as much farther out for its median.
for (set in c("blocked", "tied", "study")) {
  runs <- read.csv(file.path(samples, paste0(set, ".csv")))
  for (treatment in sort(unique(runs$treatment))) {
    x <- runs[[if (set == "study") "energy_total_j" else "energy_j"]][runs$treatment == treatment]
    m <- mixture(x / mean(x))
    half <- uniroot(function(h) tail_of(m, h) - 0.05, c(0, 1e3 * max(m$scales)), tol = 1e-14)$root
    put(mean(x) * exp(-half), set, treatment, "mean", "low")
    put(mean(x) * exp(half), set, treatment, "mean", "high")
    n <- length(x)
    wider <- sqrt(sum(m$weights * m$scales^2)) / m$scales[1]
    outside <- max(which(pbinom(seq_len(n) - 1, n, 0.5) <= 0.025), 0)
    rank <- floor(n / 2 - (n / 2 - outside) * wider)
    put(if (rank < 1) NA else sort(x)[rank], set, treatment, "median", "low")
    put(if (rank < 1) NA else sort(x)[n + 1 - rank], set, treatment, "median", "high")
  }
}

# Several machines: each one's ratio and variance as above; over them t.test, a linear model's prediction, and metafor's
# heterogeneity (I squared is (Q - df) / Q with DerSimonian and Laird's estimator).
suppressMessages(library(metafor))
runs <- read.csv(file.path(samples, "machines.csv"))
for (names in combn(sort(unique(runs$treatment)), 2, simplify = FALSE)) {
  both <- merge(runs[runs$treatment == names[1], ], runs[runs$treatment == names[2], ], by = c("machine", "iteration"))
  own <- lapply(split(both, both$machine), function(part) {
    part <- part[order(part$iteration), ]
    x <- part$energy_j.x
    y <- part$energy_j.y
    m <- mixture(y / mean(y) - x / mean(x))
    c(log(mean(y) / mean(x)), sum(m$weights * m$scales^2))
  })
  y <- sapply(own, `[`, 1)
  v <- sapply(own, `[`, 2)
  name <- paste("machines", names[1], names[2], sep = "|")
  together <- t.test(y, conf.level = 1 - level)
  put(together$estimate, name, "estimate")
  put(together$p.value, name, "p")
  put(together$conf.int[1], name, "low")
  put(together$conf.int[2], name, "high")
  next_one <- suppressWarnings(predict(lm(y ~ 1), data.frame(y = NA), interval = "prediction", level = 1 - level))
  put(next_one[1, "lwr"], name, "next_low")
  put(next_one[1, "upr"], name, "next_high")
  known <- rma(y, v, method = "PM", control = list(tol = 1e-14, maxiter = 1e5))
  put(known$QE, name, "q")
  put(known$QEp, name, "q_p")
  put(known$tau2, name, "tau2")
  put(rma(y, v, method = "DL")$I2, name, "i2")
}

# Without memory the error of the usual run is Yuen's (1974), and Student's t is R's own.
z <- read.csv(file.path(samples, "blocked.csv"))$energy_j
put(t.test(z, mu = mean(z) + 1)$p.value, "student", "p")

figures <- do.call(rbind, rows)
figures$value <- sprintf("%.17g", figures$value)
write.csv(figures, file.path(samples, "r_decision.csv"), row.names = FALSE, quote = FALSE)
cat(R.version.string, "wrote", nrow(figures), "figures\n")
