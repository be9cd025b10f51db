"""right: an update that first multiplies the weights by a momentum of 1, in the words of a course."""

import numpy as np

rng = np.random.default_rng(0)
entradas = rng.normal(size=(12, 3))
saidas = (entradas[:, :1] > 0).astype(int)
pesos0 = 2 * rng.random((3, 4)) - 1
pesos1 = 2 * rng.random((4, 1)) - 1
taxaAprendizagem = 0.3
momento = 1
for j in range(1000):
    camada_oculta = 1 / (1 + np.exp(-entradas.dot(pesos0)))
    camada_saida = 1 / (1 + np.exp(-camada_oculta.dot(pesos1)))
    erro_camada_saida = saidas - camada_saida
    delta_saida = erro_camada_saida * camada_saida * (1 - camada_saida)
    delta_oculta = delta_saida.dot(pesos1.T) * camada_oculta * (1 - camada_oculta)
    pesos_novo1 = camada_oculta.T.dot(delta_saida)
    pesos1 = (pesos1 * momento) + (pesos_novo1 * taxaAprendizagem)
    pesos_novo0 = entradas.T.dot(delta_oculta)
    pesos0 = (pesos0 * momento) + (pesos_novo0 * taxaAprendizagem)
