"""Retrain or not? With what?"""
